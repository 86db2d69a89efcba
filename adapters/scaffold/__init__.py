"""A new adapter's first files: safe before they know anything, since what they do not know is unknown."""
