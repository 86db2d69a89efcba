"""Processor tokens brought in from elsewhere, a file at a time."""
