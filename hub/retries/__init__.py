"""What a card's earlier declines allow: the networks' rules kept before a charge, told after a decline."""
