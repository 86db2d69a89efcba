"""API keys, what they may do, and the record of who did what."""
