"""Sealing keys come and go: everything that is sealed is wrapped anew with the first of them."""
