"""Seeded bugs, each of which some test must notice: `python -m tests.mutants [NAMES]`."""
