"""Customers and payment methods: the hub's tokens, and the processor tokens behind them."""
