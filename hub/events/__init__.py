"""What the hub tells applications, written in the same commit as the change."""
