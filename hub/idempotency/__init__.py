"""The caller's key: claimed once, answered the same ever after."""
