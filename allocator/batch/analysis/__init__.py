"""What a batch says: response curves, quotas over all cases, indices, and what hangs on what."""

from allocator.batch.analysis.result import Analysis, analyse

__all__ = ["Analysis", "analyse"]
