"""How fast the hub is, by turns with a hand-written floor in the same minute; see docs/benchmarks.md."""
