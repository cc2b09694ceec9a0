"""Memory that is free is given back."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import psutil
from allocator.sensitivity import memory

pieces = [bytes(1_000) for _ in range(200_000)]  # too small for pages of their own
last = pieces[-1]
full = psutil.Process().memory_info().rss
del pieces
held = psutil.Process().memory_info().rss
assert held > full - 50 * 2**20, "the C library keeps nothing, so that this shows nothing"
memory._last = float("-inf")
memory.give_back()
assert psutil.Process().memory_info().rss < held - 100 * 2**20, "little was given back"
kept = memory._last
memory.give_back()
assert memory._last == kept, "twice within its time"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what glibc alone has")
def test_what_is_free_is_given_back() -> None:
    # Python's own allocator gives back whole arenas; what solvers take comes from the C library.
    env = {**os.environ, "PYTHONMALLOC": "malloc"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
