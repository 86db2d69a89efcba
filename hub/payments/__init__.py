"""The charge path: charge, capture, cancel, refund, inquiry."""
