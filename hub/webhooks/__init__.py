"""What processors tell the hub: verified, kept, then read."""
