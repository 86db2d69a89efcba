"""Routing rules as stored: versions of them, and which one decides."""
