"""The application: one API to charge through, and the books behind it."""
