"""Backtests: stored payments replayed through a ruleset, to see beforehand what it would change."""
