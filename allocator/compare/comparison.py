"""Tables of quotas side by side: differences, measures of fairness, largest movers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from allocator.compare.candidates import Candidate
from allocator.fairness import Fairness, fairness_of_quotas
from allocator.keys import fair_shares
from models.instance import Instance
from models.policy import Policy
from models.views import MOST_ROWS, Part, Shown


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """Tables of quotas side by side; the first is what the others are compared with.

    Attributes
    ----------
    instance_id
        Name of the instance.
    basis
        The fair shares that every table is measured against, in words.
    candidates
        What is compared, in order.
    table
        One row a municipality in the order of the instance: municipality_id, name, county_id,
        county, population, fair_share (persons), a column of persons for every candidate by
        its name, and ``difference NAME`` for every one but the first: its persons − those of
        the first, missing where either is.
    fairness
        Measures of every candidate, by name.
    """

    instance_id: str
    basis: str
    candidates: tuple[Candidate, ...]
    table: pd.DataFrame = field(compare=False)
    fairness: dict[str, Fairness]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the candidates, in order."""
        return tuple(candidate.name for candidate in self.candidates)

    @property
    def differences(self) -> tuple[str, ...]:
        """Names of the columns of differences, in order."""
        return tuple(f"difference {name}" for name in self.names[1:])

    def movers(self, number: int) -> pd.DataFrame:
        """Return the `number` rows of `table` with the largest differences, largest first.

        Rows without any difference are left out; equal ones stay in the order of ids.
        """
        largest = self.table[list(self.differences)].abs().max(axis=1).fillna(0.0)
        order = largest[largest > 0].sort_values(ascending=False, kind="stable")
        return self.table.loc[order.index[:number]]

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data for JSON, missing values as null."""
        cells = self.table.astype("object").where(self.table.notna(), None)
        return {
            "instance": self.instance_id,
            "basis": self.basis,
            "candidates": [
                {
                    "name": candidate.name,
                    "kind": candidate.kind,
                    "description": candidate.description,
                    "fairness": self.fairness[candidate.name].model_dump(mode="json"),
                }
                for candidate in self.candidates
            ],
            "municipalities": cells.to_dict("records"),
        }

    def _headline(self) -> str:
        return f"Comparison for {self.instance_id}: {', '.join(self.names)}"

    def _parts(self) -> Iterator[Part]:
        from allocator.compare.views import comparison_parts

        return comparison_parts(self, MOST_ROWS)


def compare(instance: Instance, policy: Policy, candidates: Sequence[Candidate]) -> Comparison:
    """Put tables of quotas side by side.

    Parameters
    ----------
    instance
        The instance that all of them are about.
    policy
        Its key, target and credits give the fair shares that all are measured against.
    candidates
        At least one, with names that differ.

    Raises
    ------
    ValueError
        If there is none, or two have the same name.
    InvalidPolicy
        If the key cannot be used with the instance.
    """
    names = [candidate.name for candidate in candidates]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"give one or more candidates whose names differ, not {names}")
    towns = instance.municipalities
    columns = ["municipality_id", "name", "county_id", "county", "population"]
    table = towns[columns].set_index("municipality_id")
    table["fair_share"] = fair_shares(instance, policy)
    for candidate in candidates:
        table[candidate.name] = candidate.quota.reindex(table.index)
    for name in names[1:]:
        table[f"difference {name}"] = table[name] - table[names[0]]
    measured = {
        name: fairness_of_quotas(
            table[["fair_share"]].assign(quota=table[name]).reset_index(), towns
        )
        for name in names
    }
    target = policy.target_for(instance.target)
    basis = f"fair shares by the key {policy.key.name}, target {target:,} persons"
    return Comparison(instance.id, basis, tuple(candidates), table.reset_index(), measured)
