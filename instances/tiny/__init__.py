"""Instances small enough to check by hand."""
