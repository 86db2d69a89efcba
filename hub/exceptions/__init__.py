"""Exceptions: where our books and a processor's disagree, and what humans did about it."""
