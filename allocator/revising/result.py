"""A revision: the plan after beside the plan before, who takes over what, and what it costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from models.answers import AnswerKind, AuditEntry, Rule, RuleException
from models.plan import Plan
from models.views import MOST_ROWS, Part, Shown

_NAMED = 3
"""Most municipalities named in one reason."""


@dataclass(frozen=True, repr=False)
class Revision(Shown):
    """A plan revised.

    Attributes
    ----------
    base
        The plan before.
    plan
        The plan after, with the audit trail and what it was revised from.
    entries
        The answers taken up, as they stand at the end of the audit trail.
    """

    base: Plan
    plan: Plan
    entries: tuple[AuditEntry, ...] = ()

    @property
    def rule(self) -> Rule:
        """What was promised to municipalities that have not answered."""
        if self.plan.revised is None:
            raise ValueError("the plan is no revision")
        return self.plan.revised.rule

    @property
    def exceptions(self) -> tuple[RuleException, ...]:
        """Where the rule could not hold, and why."""
        return () if self.plan.revised is None else self.plan.revised.exceptions

    @property
    def moved(self) -> int:
        """Σ |after − before|, in persons."""
        return int(self.changes["change"].abs().sum())

    @cached_property
    def changes(self) -> pd.DataFrame:
        """Municipalities whose quota changed, largest gain first.

        Columns: municipality_id, name, before, after, change (all in persons) and why.
        """
        columns = ["municipality_id", "name", "before", "after", "change", "why"]
        if not self.plan.found:
            return pd.DataFrame(columns=columns)
        before = self.base.quotas.set_index("municipality_id")["quota"]
        rows = self.plan.quotas[["municipality_id", "name"]].copy()
        rows["before"] = rows["municipality_id"].map(before).astype("int64")
        rows["after"] = self.plan.quotas["quota"].astype("int64")
        rows["change"] = rows["after"] - rows["before"]
        rows = rows[rows["change"] != 0]
        rows = rows.sort_values(["change", "municipality_id"], ascending=[False, True])
        rows["why"] = [
            self._why(m, c) for m, c in zip(rows["municipality_id"], rows["change"], strict=True)
        ]
        return rows.reset_index(drop=True)[columns]

    def movers(self, number: int | None = None) -> pd.DataFrame:
        """Return the `number` rows of `changes` that change most either way, none: all of them.

        They stay in the order of `changes`.
        """
        rows = self.changes
        order = rows["change"].abs().sort_values(ascending=False, kind="stable")
        return rows.loc[sorted(order.index[:number])]

    def figures(self) -> dict[str, tuple[float, float]]:
        """Return target, placed, shortfall, cost and municipalities asked, before and after."""
        then, now = self.base.totals, self.plan.totals
        if then is None or now is None:
            return {}
        names = ("target", "placed", "shortfall", "cost", "asked")
        return {name: (getattr(then, name), getattr(now, name)) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """Return the revision as plain data for JSON."""
        return {
            "status": self.plan.status.value,
            "rule": self.rule.value,
            "figures": {
                name: {"before": before, "after": after}
                for name, (before, after) in self.figures().items()
            },
            "moved": self.moved,
            "changes": self.changes.to_dict("records"),
            "exceptions": [exception.model_dump(mode="json") for exception in self.exceptions],
            "conflicts": [conflict.model_dump(mode="json") for conflict in self.plan.conflicts],
            "audit": [entry.model_dump(mode="json") for entry in self.plan.audit],
        }

    def _headline(self) -> str:
        count = len(self.changes)
        return (
            f"Revision of a plan of {self.plan.instance.id}: {self.moved:,} persons moved in "
            f"{count:,} municipalities"
        )

    def _parts(self) -> Iterator[Part]:
        from allocator.revising.views import revision_parts

        return revision_parts(self, "", MOST_ROWS)

    def _why(self, municipality: str, change: int) -> str:
        for entry in self.entries:
            if entry.municipality_id == municipality:
                offer = f" of {entry.persons}" if entry.answer is AnswerKind.COUNTER else ""
                said = f"{entry.answer.value}{offer}, {entry.author}, {entry.date}"
                return f"{said}: {entry.reason}"
        for exception in self.exceptions:
            if exception.municipality_id == municipality:
                return exception.message
        return "; ".join(self._causes(1 if change > 0 else -1)) or "other figures than before"

    def _causes(self, sign: int) -> list[str]:
        """Return what makes others gain (`sign` 1) or lose (−1) persons."""
        causes = []
        before, after = self.figures()["target"]
        if (after - before) * sign > 0:
            causes.append("the target rises" if sign > 0 else "the target falls")
        names = self.base.quotas.set_index("municipality_id")["name"]
        verb = "takes over from" if sign > 0 else "makes room for"
        gave = [e.municipality_id for e in self.entries if (e.asked - e.persons) * sign > 0]
        gave += [e.municipality_id for e in self.exceptions if e.persons * sign < 0]
        if gave:
            more = f" and {len(gave) - _NAMED} more" if len(gave) > _NAMED else ""
            causes.append(f"{verb} {', '.join(str(names[m]) for m in gave[:_NAMED])}{more}")
        return causes
