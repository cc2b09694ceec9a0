"""Level by level: where the next one lies, how many are at it, and how well that is known."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from allocator.solve.arrays import Vector
from allocator.solve.leximin.levels import Levels, first
from allocator.solve.leximin.lots import ROUNDING, Indices, Lots, below, counted, up_to
from allocator.solve.leximin.program import at_levels, quota_cost, quotas_of
from allocator.solve.leximin.questions import Answer, Finder, Question, Questions
from allocator.solve.progress import relative_gap
from allocator.solve.stages import Infeasible, Stages
from models.plan import BoundFrom, GoalResult, Level
from models.policy import Term

TRIES = 3
"""Plans looked for on the way down to where adding up ends."""
SHARE = 0.5
"""Part of the time left that the goal may take when others follow."""


def settle(stages: Stages, i: int, find: Finder) -> GoalResult | None:
    """Refine goal `i` (from 0), the earlier ones being held; hold its levels and report them.

    Parameters
    ----------
    find
        Looks for solutions of programs.

    Returns
    -------
    GoalResult or None
        None when there is no solution.

    Raises
    ------
    Infeasible
        If no plan keeps every demand.
    """
    stages.tell(stages.phase(i))
    search = _Search(stages, i, find)
    if not search.begin():
        return None
    search.run()
    search.hold()
    return search.result()


class _Search:
    """The levels so far, and the best plan that keeps them."""

    def __init__(self, stages: Stages, i: int, find: Finder) -> None:
        self.stages, self.i = stages, i
        part = 1.0 if i + 1 == len(stages.goals) else SHARE
        deadline = stages.clock.elapsed + part * stages.clock.left
        self.lots = _lots(stages)
        self.questions = Questions(stages, i, self.lots, find, deadline)
        self.levels = Levels.none(self.lots)
        self.bound, self.source = 0.0, BoundFrom.RELAXATION
        self.proven_to, self.count = np.inf, 0
        self.tight = False

    def begin(self) -> bool:
        """Tell whether there is a plan to begin with, looking for one where none is at hand."""
        if self.stages.solution is None:
            unlimited = np.full(len(self.lots.fair), np.inf)
            answer = self.questions.plan(Question(self.lots.largest(unlimited), ()), 1.0)
            if answer.refuted:
                raise Infeasible
            if answer.solution is None:
                return False
            self.stages.solution = answer.solution
        self.quotas = quotas_of(self.stages.arrays, self.lots, self.stages.solution)
        return True

    def run(self) -> None:
        """Find level after level, until all are found or time is up."""
        proven = True
        while self.levels.left and not self.questions.over:
            ratio, least = self._ratio()
            if ratio == 0:  # where they are proven to be
                self.proven_to = 0.0 if proven else self.proven_to
                break
            members = self.levels.members(ratio)
            number, fewest = self._number(ratio, members) if least else (0, False)
            if not fewest:
                # What is not proven is held as it is, not as it might be.
                members, proven = self._there(ratio), False
                number = len(members)
            self.levels = self.levels.then(ratio, number, members)
            self.proven_to = ratio if proven else self.proven_to
            self.count += 1
            phase = f"{self.stages.phase(self.i)}, level {self.count}"
            self.stages.tell(phase, self._worth(self._ratios()), self._bound())
        self.proven_to = 0.0 if proven and not self.levels.left else self.proven_to

    def _ratio(self) -> tuple[float, bool]:
        """Return the ratio of the next level, and whether it is proven least."""
        top = self.levels.top(self.quotas)
        ratios = self.levels.between(self.levels.least(top), top)

        def question(k: int) -> Question:
            return Question(self.levels.caps(up_to(ratios[k])), self.levels.ties)

        def now() -> int:
            return int(np.searchsorted(ratios, below(self.levels.top(self.quotas))))

        open_from = self._first(0, now, question, reach=self._reach)
        top = self.levels.top(self.quotas)
        if not self.count:
            self.bound = top if open_from >= now() else float(ratios[open_from])
        return top, open_from >= now()

    def _number(self, ratio: float, members: Indices) -> tuple[int, bool]:
        """Return how many lie at the next level, and whether that is proven fewest."""

        def question(count: int) -> Question:
            tied = self.levels.tied(ratio, count, members)
            return Question(tied.caps(below(ratio)), tied.ties)

        def now() -> int:
            return len(self._there(ratio))

        few = self.levels.fewest(ratio, members, now())
        open_from = self._first(few, now, question)
        return now(), open_from >= now()

    def _there(self, ratio: float) -> Indices:
        """Return the positions of those at the next level."""
        at = self.quotas >= self.lots.fair * below(ratio)
        return np.flatnonzero(self.levels.further(self.quotas) & at)

    def _first(
        self,
        least: int,
        now: Callable[[], int],
        question: Callable[[int], Question],
        reach: Callable[[], None] | None = None,
    ) -> int:
        """Look for the first number whose question is answered by a plan.

        Parameters
        ----------
        least
            The first number it may be.
        now
            Tells the first number that the plan at hand is an answer for.
        reach
            Looks for a much better plan.

        Returns
        -------
        int
            The first number that is not refuted: that of the plan at hand, unless something
            remained open.
        """
        asked = now() - 1 if self.tight else None
        if least < now() and self._settled(question(now() - 1)):
            return now()
        if least < now() and reach is not None:
            reach()
        least = first(least - 1, now(), lambda k: not self.questions.refuted(question(k)))
        tried = least
        for turn in itertools.count():
            if tried >= now() or self.questions.over:
                return least
            # Where the relaxation ends there is often a plan, and often the one at hand is best.
            middle = (tried + now()) // 2
            k = (tried, now() - 1, middle)[min(turn, 2)]
            k = middle if k == asked else k
            if k == asked:
                return least
            answer = self._plan(question(k))
            if answer.solution is None:
                self.tight = self.tight or (answer.refuted and k == now() - 1)
                tried = k + 1
            if answer.refuted:
                least = k + 1
        return least

    def _settled(self, question: Question) -> bool:
        """Tell whether a question just below the plan at hand is refuted.

        Prices or branch and bound are asked at once only where they refuted the last such one.
        """
        if self.questions.refuted(question):
            return True
        if self.tight:
            self.tight = self._plan(question).refuted
        return self.tight

    def _plan(self, question: Question) -> Answer:
        """Look for a plan and take it."""
        answer = self.questions.plan(question)
        if answer.solution is not None:
            self._take(answer.solution)
        elif answer.refuted and not self.count:
            self.source = BoundFrom.SEARCH
        return answer

    def _reach(self) -> None:
        """Go down as far as adding up says one might, or as far as there is a plan."""
        filled = self.levels.filled(self.quotas)
        further = self.levels.further(self.quotas)
        ratios = np.unique(filled[further] / self.lots.fair[further])

        def question(k: int) -> Question:
            caps = np.where(further, np.maximum(filled, self.lots.at(ratios[k])), filled)
            return Question(caps, ())

        low = first(-1, len(ratios), lambda k: not self.questions.refuted(question(k))) - 1
        high = len(ratios)
        for _ in range(TRIES):
            if low + 1 >= high:
                return
            if self._plan(question(low + 1)).solution is not None:
                return
            low = (low + high) // 2

    def _take(self, solution: Vector) -> None:
        self.stages.solution = solution
        self.quotas = quotas_of(self.stages.arrays, self.lots, solution)

    def hold(self) -> None:
        """Let later goals keep every level, and where time was up the ratio of the next."""
        stages, ties = self.stages, self.levels.ties
        caps = self.levels.caps(up_to(self.levels.top(self.quotas)))
        stages.arrays = self.questions.program(Question(caps, ties))
        if stages.solution is not None:
            stages.solution = np.concatenate([stages.solution, at_levels(self.quotas, ties)])

    def result(self) -> GoalResult:
        """Return how well the goal is met, level by level."""
        goal, ratios = self.stages.goals[self.i], self._ratios()
        value, bound = self._worth(ratios), self._bound()
        return GoalResult(
            name=goal.name,
            terms=dict(goal.terms),
            value=value,
            bound=bound,
            gap=relative_gap(value, bound),
            bound_from=self.source if bound > 0 else BoundFrom.TRIVIAL,
            levels=tuple(
                Level(ratio=ratio, municipalities=count, proven=ratio >= below(self.proven_to))
                for ratio, count in counted(ratios)
            ),
        )

    def _worth(self, ratios: Vector) -> float:
        """Return the value of the goal."""
        weight = self.stages.goals[self.i].terms[Term.MAX_RATIO]
        return weight * float(ratios.max(initial=0.0))

    def _bound(self) -> float:
        return self._worth(np.append(self._decided(), self.bound))

    def _ratios(self) -> Vector:
        """Return all ratios, those of decisions taken exactly as well."""
        return np.concatenate([self.quotas / self.lots.fair, self._decided()])

    def _decided(self) -> Vector:
        fair = self.stages.data.fair_share
        exact = self.stages.data.exact
        return np.array([persons / fair[m] for m, persons in exact.items() if fair[m] > 0])


def _lots(stages: Stages) -> Lots:
    """Return what quotas there can be, and how many persons they take at least."""
    data = stages.data
    lots = Lots.of(data, stages.secants.points)
    fewest = (quota_cost(stages.arrays, lots), 0.0)
    outcome = stages.relax_feasibly(stages.arrays, fewest, stages.clock.left)
    needed = max(0.0, outcome.bound or 0.0)
    whole = data.target - sum(data.exact.values()) - data.odd_lot
    rated = len(lots.fair) + len(data.exact) == len(data.municipalities)
    carried = rated and data.odd_lot > 0 and whole < needed - ROUNDING
    return replace(lots, needed=needed, carried=carried)
