"""Merchant accounts, their sealed credentials, and the snapshot of all that the charge path reads."""
