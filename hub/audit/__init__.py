"""The audit log: every row is chained to the one before it, so that what was changed or taken out is found."""
