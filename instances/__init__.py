"""Packaged instances and what builds them."""
