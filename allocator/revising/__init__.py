"""Revise a plan in the course of the year, and say who takes over what and what it costs."""

from allocator.revising.result import Revision
from allocator.revising.run import revise

__all__ = ["Revision", "revise"]
