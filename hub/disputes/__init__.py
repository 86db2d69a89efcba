"""Disputes: the payer's bank takes money back."""
