"""
Pretend processors: real HTTP servers that speak the processors' wire formats and keep their own book.

Each folder here is one, found by its name: it brings a `PROCESSOR` and, as its docstring, how it is set up.

Written from the processors' documentation alone and sharing no code with the adapters: two readings of one
wire format that used the same code would agree about the same mistake.
"""
