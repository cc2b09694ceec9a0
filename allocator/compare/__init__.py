"""Tables of quotas side by side: plans, keys, and what was really asked."""

from allocator.compare.candidates import Candidate, candidates_from
from allocator.compare.comparison import Comparison, compare

__all__ = ["Candidate", "Comparison", "candidates_from", "compare"]
