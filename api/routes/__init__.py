"""Routes: they parse and answer, and do nothing else."""
