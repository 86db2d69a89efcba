"""Behaviour of the hub, told in the folders of the code it is about."""
