"""Which: pure decisions over a snapshot that is handed in; no clock and no randomness of its own."""
