"""What processors say they hold for us, and what our bank received."""
