"""Words: pure values that every package speaks. Imports nothing of ours and does no I/O."""
