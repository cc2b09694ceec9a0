"""The peers by name; each is imported only in the process that runs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version

from benchmarks.peers.peer import Minimise


@dataclass(frozen=True)
class Peer:
    """One peer.

    Attributes
    ----------
    module
        Module of `benchmarks.peers` with its `minimise`.
    packages
        Distributions whose versions are reported.
    most_threads
        Threads it can make use of; more are not given to it.
    takes_start
        Whether it begins a goal from the answer of the goal before.
    """

    module: str
    packages: tuple[str, ...]
    most_threads: int = 64
    takes_start: bool = False

    def minimise(self) -> Minimise:
        """Import the peer and return its function."""
        function: Minimise = import_module(f"benchmarks.peers.{self.module}").minimise
        return function

    def versions(self) -> dict[str, str]:
        """Return the versions of its distributions."""
        return {package: version(package) for package in self.packages}


PEERS: Mapping[str, Peer] = {
    "highs": Peer("highs_arrays", ("highspy",), takes_start=True),
    "linopy": Peer("linopy_highs", ("linopy", "highspy")),
    "pyomo": Peer("pyomo_highs", ("pyomo", "highspy")),
    "scip": Peer("scip", ("pyscipopt",), most_threads=1, takes_start=True),
    "cp-sat": Peer("cp_sat", ("ortools",), takes_start=True),
}
"""HiGHS on the arrays, linopy with HiGHS, Pyomo's HiGHS interface, SCIP, OR-Tools CP-SAT."""
