"""What clashes when no plan keeps everything that is asked, and the ways out."""

import math
from typing import TYPE_CHECKING

from allocator.checking import usable
from allocator.diagnose.amounts import lacking
from allocator.diagnose.applied import applied
from allocator.diagnose.clashes import Bundle, Found, Given, WrongVerdict, clashes
from allocator.diagnose.names import Names
from allocator.diagnose.program import Elastic
from allocator.diagnose.proving import Prover
from allocator.diagnose.solving import Solving, Stopped
from allocator.diagnose.types import (
    Amount,
    Clash,
    Diagnosis,
    Kind,
    Part,
    Proof,
    Verdict,
    WayOut,
)
from allocator.diagnose.ways import Ways
from allocator.diagnose.words import About, in_words, part_in_words, way_in_words
from allocator.errors import SolverError
from allocator.keys import fair_shares
from allocator.solve import engine
from allocator.solve.extract import Extract
from allocator.solve.progress import Clock, Progress
from allocator.solve.solver import MANY
from allocator.version import VERSION
from models.instance import Instance
from models.options import SolveOptions
from models.plan import InstanceReference, Status
from models.policy import Policy
from models.program import Data, collect
from models.program.measures import MILLION

if TYPE_CHECKING:
    from allocator.solve.engine import Flag
    from allocator.solve.progress import Listener

FINDING = 0.6
"""Part of the time after which what clashes is told as it is, so that ways out are looked for."""

__all__ = [
    "Amount",
    "Clash",
    "Diagnosis",
    "Kind",
    "Part",
    "Proof",
    "Verdict",
    "WayOut",
    "applied",
    "diagnose",
    "in_words",
]


def diagnose(
    instance: Instance,
    policy: Policy | None = None,
    options: SolveOptions | None = None,
    *,
    promise: bool = False,
    ways: bool = True,
    progress: "Listener | None" = None,
    cancel: "Flag | None" = None,
) -> Diagnosis:
    """Tell what clashes in a policy for an instance, and by how little it could be settled.

    Parameters
    ----------
    instance
        What is given.
    policy
        What the planner decides; none: the default policy.
    options
        How long to take; none: the default options.
    promise
        Ask also that nobody is left without a place.
    ways
        Look for ways out as well.
    progress
        Called with a `Progress` when a phase begins.
    cancel
        Anything with ``is_set()``; when set, what is known by then is returned.

    Returns
    -------
    Diagnosis
        Irreducible sets of what clashes, and of each family that can give way the smallest
        amounts with which everything else holds, each proven by solving with it.

    Raises
    ------
    InvalidInstance, InvalidPolicy
        With every problem at once.
    SolverError
        If the solver crashes or fails, or calls infeasible what needs nothing to give way.
    VerificationError
        If a plan found with a way out applied breaks a rule, twice.
    """
    asked = _Question(
        instance, policy or Policy(), options or SolveOptions(), promise, progress, cancel
    )
    asked.prepare()
    try:
        asked.answer(ways=ways)
        asked.note_time()
    except Stopped:
        asked.notes.append("stopped before everything was found out")
    return asked.told()


class _Question:
    """One question, phase by phase."""

    def __init__(
        self,
        instance: Instance,
        policy: Policy,
        options: SolveOptions,
        promise: bool,
        progress: "Listener | None",
        cancel: "Flag | None",
    ) -> None:
        self.instance, self.policy, self.options = instance, policy, options
        self.promise, self.progress, self.cancel = promise, progress, cancel
        self.clock = Clock(options.time_limit)
        self.notes: list[str] = []
        self.verdict, self.complete = Verdict.UNKNOWN, False
        self.clashes: list[Clash] = []
        self.ways: list[WayOut] = []

    def prepare(self) -> None:
        """Check instance and policy and take the coefficients from them."""
        self._tell("check")
        self.notes += [str(problem) for problem in usable(self.instance, self.policy)]
        shares = fair_shares(self.instance, self.policy)
        self.data: Data = collect(self.instance, self.policy, shares)
        self.names = Names(self.instance)
        self.prover = Prover(self.options, self.promise, self.cancel)
        self.clock.lap("check")

    def answer(self, *, ways: bool) -> None:
        """Find out whether there is a plan, what clashes, and the ways out."""
        self._tell("build")
        solving = Solving(self.clock, self.options.seed, self.cancel)
        elastic = Elastic.of(self.data, solving, promise=self.promise)
        self.clock.lap("build")
        left = self.clock.left
        solving.until = self.clock.elapsed + (FINDING * left if ways else left)
        found = self._clashes(elastic)
        solving.until = math.inf
        if found and ways:
            self._ways(elastic)

    def note_time(self) -> None:
        """Say so when the time was up, and what that means."""
        if self.clock.left > 0:
            return
        self.notes.append(
            f"the time limit of {self.options.time_limit:g} s was reached: what is told is true, "
            "but sets may not be smallest, and more may clash or help"
        )

    def _ways(self, elastic: Elastic) -> None:
        solving = elastic.solving
        ways = Ways(self.instance, self.policy, self.data, elastic, self.names, self.prover)
        families = [*ways.each()]
        for i, family in enumerate(families):
            if self.clock.left <= 0:
                unseen = ", ".join(way_in_words(other) for other in families[i:])
                self.notes.append(f"no time was left to look at: {unseen}")
                break
            share = self.clock.left * min(1.0, 2 / (len(families) - i))
            solving.until = self.clock.elapsed + share
            self._look(ways, family)
        solving.until = math.inf
        single = [way for way in self.ways if way.family in ways.families]
        if self.clock.left > 0 and len(single) > 1 and not any(way.helps for way in single):
            self._look(ways, "capacity")

    def _look(self, ways: Ways, family: str) -> None:
        self._tell(f"way out: {way_in_words(family)}")
        self.ways.append(ways.look(family))
        self.clock.lap(f"way out: {family}")

    def _clashes(self, elastic: Elastic) -> list[Found]:
        try:
            return self._found(elastic)
        except WrongVerdict:
            self.notes.append("a verdict of infeasible was wrong and was repeated without presolve")
            elastic.forget()
        try:
            return self._found(elastic)
        except WrongVerdict as error:
            raise SolverError(
                "the solver calls a program infeasible that needs no relief"
            ) from error

    def _found(self, elastic: Elastic) -> list[Found]:
        self._tell("is there a plan")
        holds = self._holds(elastic)
        elastic.suppose(elastic.switches, holds)
        self.verdict = _VERDICTS[holds]
        self.clock.lap("verdict")
        if holds is not False:
            self.complete = holds is True
            return []
        self._tell("what clashes")
        found, self.complete = clashes(elastic)
        self.clashes = [self._clash(elastic, one) for one in found]
        self.clock.lap("clashes")
        return found

    def _holds(self, elastic: Elastic) -> bool | None:
        """Tell whether there is a plan; none where that is not found out."""
        everything = elastic.switches
        if elastic.holds(everything, whole=False) is False:
            return False
        if self.promise and len(self.data.municipalities) >= MANY:
            # A place for everyone in a large country is what `solve` is made for.
            others = [switch for switch in everything if switch.kind is not Kind.PROMISE]
            return False if elastic.holds(others) is False else self._solved()
        holds = elastic.holds(everything)
        return self._solved() if holds is None else holds

    def _solved(self) -> bool | None:
        """Tell by solving in full whether there is a plan; none where that is not found out."""
        plan = self.prover.solved(self.instance, self.policy, None, self.clock.left)
        if plan.status is Status.INFEASIBLE:
            return False
        if plan.totals is None:
            return None
        if not self.promise or plan.totals.shortfall == 0:
            return True
        bound = plan.goals[0].bound
        return False if bound is not None and bound > 0.5 else None

    def _clash(self, elastic: Elastic, found: Found) -> Clash:
        towns = {m for s in found.switches if s.asks for m in s.municipalities}
        parts = [
            self._part(elastic, bundle, given, anywhere=len(towns) != 1)
            for bundle, given in zip(found.parts, found.given, strict=True)
        ]
        return Clash(parts=tuple(parts), irreducible=found.irreducible)

    def _part(self, elastic: Elastic, bundle: Bundle, given: Given, *, anywhere: bool) -> Part:
        switch, gives = bundle[0], given.amount
        lacks: tuple[Amount, ...] = ()
        solution = None
        if given.solution is not None:
            columns = elastic.arrays.columns
            solution = Extract(self.instance, self.data, columns, given.solution)
        if switch.kind is Kind.CAPACITY and solution is not None:
            pools = self.data.family.values() if switch.rule == "pools" else ()
            lacks = lacking(self.data, self.names, solution, [switch.rule], [*pools])
        if switch.kind is Kind.BUDGET and gives is not None:
            gives *= MILLION
        unit = self.names.currency if switch.kind is Kind.BUDGET else "persons"
        about = About(
            gives=gives,
            lacks=lacks,
            anywhere=anywhere,
            got=None if solution is None else sum(solution.quota[m] for m in switch.municipalities),
        )
        return Part(
            kind=switch.kind,
            rule=switch.rule,
            where=switch.where if len(bundle) == 1 else "",
            side=switch.side,
            amount=None if switch.amount is None else sum(s.amount or 0.0 for s in bundle),
            unit="" if switch.amount is None else unit,
            count=len(bundle),
            gives=gives,
            lacks=lacks,
            message=part_in_words(bundle, self.data, self.names, about),
        )

    def told(self) -> Diagnosis:
        """Return what is known."""
        timings = {phase: round(s, 4) for phase, s in self.clock.timings.items()}
        return Diagnosis(
            instance=InstanceReference(id=self.instance.id, sha256=self.instance.sha256),
            policy=self.policy,
            options=self.options,
            promise=self.promise,
            verdict=self.verdict,
            clashes=tuple(self.clashes),
            complete=self.complete,
            ways=tuple(self.ways),
            timings=timings | {"total": round(self.clock.elapsed, 4)},
            versions={"allocator": VERSION, "highs": engine.version()},
            warnings=tuple(self.notes),
        )

    def _tell(self, phase: str) -> None:
        if self.progress is not None:
            self.progress(Progress(phase, None, None, None, self.clock.elapsed))


_VERDICTS = {True: Verdict.HOLDS, False: Verdict.CLASHES, None: Verdict.UNKNOWN}
