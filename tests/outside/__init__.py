"""Adapters and sandboxes held against what others wrote: `python -m tests.outside [adyen|stripe …]`."""
