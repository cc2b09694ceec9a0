"""Quota allocation: what is done with instances, policies and plans."""
