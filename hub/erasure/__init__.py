"""Erasing a person: what tells who it is goes, the money and its books stay."""
