"""
Pretend processors: real HTTP servers that speak Stripe's and Adyen's wire formats and keep their own book.

Written from the processors' documentation alone and sharing no code with the adapters: two readings of one
wire format that used the same code would agree about the same mistake.
"""
