"""Approvals: what passes a limit is done only once a second person has agreed."""
