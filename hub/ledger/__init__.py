"""Transfers: one debit, one credit, one amount, immutable."""
