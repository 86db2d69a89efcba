"""The hub in real processes that are killed, cut off and starved under load: `python -m tests.chaos`."""
