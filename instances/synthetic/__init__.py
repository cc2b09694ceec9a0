"""Synthetic countries of any size, drawn from the Norwegian municipalities."""
