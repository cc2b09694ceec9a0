"""What must hold between the tables of an instance, and what is only worth a warning."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from models.columns import TABLES, MeasureKind, Table
from models.problems import Problem, Severity, errors
from models.reach import most_placed

Frames = Mapping[str, pd.DataFrame]


def check_tables(frames: Frames, target: int | None, budget: float | None) -> list[Problem]:
    """Check what holds between tables.

    Parameters
    ----------
    frames
        Typed tables by name, in the order of the source, so that row numbers are right.
        Tables that could not be read may be left out; what needs them is then not checked.
    target
        Persons to settle; none: not known, or the figures have errors already, so that
        nothing is said of what they add up to.
    budget
        Appropriation for measures, in currency; none: no limit.

    Returns
    -------
    list of Problem
        Errors and warnings, in the order of the tables.
    """
    frames = {name: frame.reset_index(drop=True) for name, frame in frames.items()}
    problems: list[Problem] = []
    for name, frame in frames.items():
        problems += _empty(TABLES[name], frame)
        problems += _duplicates(TABLES[name], frame)
        problems += _references(TABLES[name], frame, frames)
    for check, needed in _CHECKS:
        if all(name in frames for name in needed):
            problems += check(*(frames[name] for name in needed))
    if target is not None and len(frames) == len(TABLES):
        problems += _persons(frames["groups"], target)
        if not errors(problems):
            problems += _reachable(frames, target, budget)
    return problems


def _warn(message: str, expected: str, table: str, **more: Any) -> Problem:
    return Problem(message, expected, table, severity=Severity.WARNING, **more)


def _among(ids: "pd.Series[str]", known: "pd.Series[str]") -> "pd.Series[bool]":
    """Tell which ids are known; on Arrow text `isin` alone converts `known` id by id."""
    found: pd.Series[bool] = ids.astype("object").isin(known.astype("object"))
    return found


def _some(ids: "pd.Series[str]") -> str:
    """Name the first few ids, and say when there are more."""
    return ", ".join([*ids.head(5), *(["…"] if len(ids) > 5 else [])])


def _empty(table: Table, frame: pd.DataFrame) -> Iterator[Problem]:
    if table.name in ("municipalities", "sites", "groups") and frame.empty:
        yield Problem("the table has no rows", "give at least one row", table.name)


def _duplicates(table: Table, frame: pd.DataFrame) -> Iterator[Problem]:
    key = list(table.key)
    repeated = frame.duplicated(key, keep=False)
    if not repeated.any():
        return
    repeated &= frame[key].notna().all(axis=1)
    if "beds" in key:
        # A cell that is no number of beds is reported already and stands as 0.
        repeated &= frame["beds"] > 0
    first: dict[tuple[Any, ...], int] = {}
    for i, cells in zip(frame.index[repeated], frame.loc[repeated, key].to_numpy(), strict=True):
        number = int(i) + 1
        earlier = first.setdefault(tuple(cells), number)
        if earlier != number:
            yield Problem(
                f"row {earlier} has the same {' and '.join(key)}",
                "keep one row",
                table.name,
                number,
                key[0],
                ", ".join(map(str, cells)),
            )


def _references(table: Table, frame: pd.DataFrame, frames: Frames) -> Iterator[Problem]:
    for column in table.columns:
        if column.references is None or column.references not in frames:
            continue
        cells = frame[column.name].dropna()
        known = frames[column.references][column.name].dropna()
        strange = cells[~_among(cells, known)]
        if strange.empty:
            continue
        near = f"give one of its ids ({_some(known)}), leading zeros included"
        for i in strange.index:
            yield Problem(
                f"{column.references} has no such {column.name}",
                near if len(known) else f"add the row to {column.references}",
                table.name,
                int(i) + 1,
                column.name,
                str(cells[i]),
            )


def _counties(towns: pd.DataFrame) -> Iterator[Problem]:
    names = towns.dropna(subset=["county_id", "county"]).groupby("county_id")["county"].unique()
    for county_id, found in names.items():
        if len(found) > 1:
            yield Problem(
                "a county has more than one name",
                "use one name for it",
                "municipalities",
                column="county",
                value=f"{county_id}: {', '.join(found)}",
            )


def _sites(towns: pd.DataFrame, sites: pd.DataFrame) -> Iterator[Problem]:
    ids = towns["municipality_id"].dropna()
    without = ids[~_among(ids, sites["municipality_id"])]
    if len(without) and len(sites):
        yield _warn(
            f"{len(without)} municipalities have no site and can take nobody",
            "add their sites",
            "sites",
            value=_some(without),
        )


def _persons(groups: pd.DataFrame, target: int) -> Iterator[Problem]:
    if len(groups) and target > 0 and groups["persons"].sum() <= 0:
        yield Problem(
            "the groups have no persons, but there is a target",
            "give the persons expected nationally",
            "groups",
            column="persons",
            value="0",
        )


def _fitting(
    groups: pd.DataFrame, dwellings: pd.DataFrame, measures: pd.DataFrame
) -> Iterator[Problem]:
    there = dwellings.loc[dwellings["dwellings"] > 0, "beds"]
    built = measures.loc[measures["max_steps"] > 0, "beds"].dropna()
    largest = max([0, *there.tolist(), *built.tolist()])
    for i in groups.index[groups["beds"] > largest]:
        yield _warn(
            "no dwelling anywhere is large enough for this group",
            f"the largest, those to be bought included, has {largest} beds",
            "groups",
            row=int(i) + 1,
            column="beds",
            value=str(groups["beds"][i]),
        )


_APPLIES = {
    MeasureKind.DWELLINGS.value: ("site_id", "beds"),
    MeasureKind.TRANSIT.value: ("site_id",),
    MeasureKind.SERVICE.value: ("municipality_id", "service_id"),
}


def _measure_columns(measures: pd.DataFrame) -> Iterator[Problem]:
    for kind, wanted in _APPLIES.items():
        rows = measures[measures["kind"] == kind]
        for column in ("site_id", "municipality_id", "beds", "service_id"):
            filled = rows[column].notna()
            for i in rows.index[~filled if column in wanted else filled]:
                if column in wanted:
                    message, expected = f"a measure of kind {kind} needs it", f"fill {column}"
                else:
                    message, expected = f"means nothing for kind {kind}", "leave it blank"
                value = "" if column in wanted else str(rows[column][i])
                yield Problem(message, expected, "measures", int(i) + 1, column, value)


def _idle_lines(measures: pd.DataFrame, sites: pd.DataFrame) -> Iterator[Problem]:
    unlimited = sites.loc[sites["transit_seats"].isna(), "site_id"]
    lines = measures[measures["kind"] == MeasureKind.TRANSIT.value]
    for i in lines.index[_among(lines["site_id"], unlimited)]:
        yield _warn(
            "the site has no limit on transit seats, so the measure buys nothing",
            "leave the measure out, or give the site's transit_seats",
            "measures",
            row=int(i) + 1,
            column="site_id",
            value=str(lines["site_id"][i]),
        )


def _idle_places(
    measures: pd.DataFrame, capacities: pd.DataFrame, pools: pd.DataFrame, members: pd.DataFrame
) -> Iterator[Problem]:
    pair = ["municipality_id", "service_id"]
    limits = pd.concat(
        [capacities.dropna(subset=["capacity"])[pair], members.merge(pools, on="pool_id")[pair]]
    )
    limited = set(limits.itertuples(index=False, name=None))
    places = measures[measures["kind"] == MeasureKind.SERVICE.value].dropna(subset=pair)
    for i, cells in zip(places.index, places[pair].itertuples(index=False, name=None), strict=True):
        if cells not in limited:
            yield _warn(
                "the municipality has no limit on this service, so the measure buys nothing",
                "leave the measure out, or give the capacity",
                "measures",
                row=int(i) + 1,
                column="service_id",
                value=", ".join(cells),
            )


def _coverage(
    towns: pd.DataFrame, capacities: pd.DataFrame, pools: pd.DataFrame, members: pd.DataFrame
) -> Iterator[Problem]:
    ids = towns["municipality_id"].dropna()
    pooled = members.merge(pools, on="pool_id")
    for service in dict.fromkeys(
        [*capacities["service_id"].dropna(), *pooled["service_id"].dropna()]
    ):
        own = capacities.loc[capacities["service_id"] == service, "municipality_id"]
        shared = pooled.loc[pooled["service_id"] == service, "municipality_id"]
        missing = ids[~_among(ids, own) & ~_among(ids, shared)]
        if len(missing):
            yield _warn(
                f"{service} has no capacity for {len(missing)} municipalities, so no limit there",
                "add a row for each; leave capacity blank where there is no limit",
                "capacities",
                value=_some(missing),
            )


def _lone_pools(pools: pd.DataFrame, members: pd.DataFrame) -> Iterator[Problem]:
    ids = pools["pool_id"]
    for i in pools.index[ids.notna() & ~_among(ids, members["pool_id"])]:
        yield _warn(
            "the pool has no members, so it limits nobody",
            "add them to pool_members",
            "shared_capacities",
            row=int(i) + 1,
            column="pool_id",
            value=str(ids[i]),
        )


def _outcomes(
    outcomes: pd.DataFrame, towns: pd.DataFrame, groups: pd.DataFrame
) -> Iterator[Problem]:
    missing = len(towns) * len(groups) - len(outcomes)
    if len(outcomes) and missing > 0:
        yield _warn(
            f"{missing} pairs of municipality and group have no probability",
            "add them; a missing one counts as 0",
            "outcomes",
        )


def _reachable(frames: Frames, target: int, budget: float | None) -> Iterator[Problem]:
    most = most_placed(frames, target, budget)
    if target > most + 1e-6 * max(1.0, most):
        bought = "" if budget is None else f" that a budget of {budget:,.0f} buys"
        yield _warn(
            f"no plan can place the target of {target} persons: with all measures{bought} there "
            f"is room for at most {most:.0f}",
            "give a lower target, more capacity or a larger budget, unless a policy lets "
            "capacity be overloaded",
            "instance",
            value=str(target),
        )


_CHECKS: tuple[tuple[Callable[..., Iterator[Problem]], tuple[str, ...]], ...] = (
    (_counties, ("municipalities",)),
    (_sites, ("municipalities", "sites")),
    (_fitting, ("groups", "dwellings", "measures")),
    (_coverage, ("municipalities", "capacities", "shared_capacities", "pool_members")),
    (_lone_pools, ("shared_capacities", "pool_members")),
    (_measure_columns, ("measures",)),
    (_idle_lines, ("measures", "sites")),
    (_idle_places, ("measures", "capacities", "shared_capacities", "pool_members")),
    (_outcomes, ("outcomes", "municipalities", "groups")),
)
"""Every check between tables, with the tables it is about."""
