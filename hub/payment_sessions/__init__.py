"""What a processor's own client-side library needs to take a card, and what becomes of it."""
