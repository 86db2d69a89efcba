"""Reports for finance: reconciliation by any group, month-end statements, and what settled lines teach of fees."""
