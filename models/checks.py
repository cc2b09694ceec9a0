"""What must hold between the tables of an instance, and what is only worth a warning."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from models.columns import TABLES, MeasureKind, Table
from models.problems import Problem, Severity

Frames = Mapping[str, pd.DataFrame]


def check_tables(frames: Frames, target: int, budget: float | None) -> list[Problem]:
    """Check what holds between tables.

    Parameters
    ----------
    frames
        Typed tables by name, in the order of the source, so that row numbers are right.
    target
        Persons to settle.
    budget
        Appropriation for measures, in currency; none: no limit.

    Returns
    -------
    list of Problem
        Errors and warnings, in the order of the tables.
    """
    problems: list[Problem] = []
    for name, table in TABLES.items():
        frame = frames[name].reset_index(drop=True)
        problems += _empty(table, frame)
        problems += _duplicates(table, frame)
        problems += _references(table, frame, frames)
    problems += _counties(frames["municipalities"])
    problems += _groups(frames, target)
    problems += _measures(frames)
    problems += _coverage(frames)
    if not any(problem.severity is Severity.ERROR for problem in problems):
        problems += _reachable(frames, target, budget)
    return problems


def _warn(message: str, expected: str, table: str, **more: Any) -> Problem:
    return Problem(message, expected, table, severity=Severity.WARNING, **more)


def _empty(table: Table, frame: pd.DataFrame) -> Iterator[Problem]:
    if table.name in ("municipalities", "sites", "groups") and frame.empty:
        yield Problem("the table has no rows", "give at least one row", table.name)


def _duplicates(table: Table, frame: pd.DataFrame) -> Iterator[Problem]:
    for i in frame.index[frame.duplicated(list(table.key))]:
        key = ", ".join(str(frame.loc[i, name]) for name in table.key)
        yield Problem(
            f"another row has the same {' and '.join(table.key)}",
            "keep one row",
            table.name,
            int(i) + 1,
            table.key[0],
            key,
        )


def _references(table: Table, frame: pd.DataFrame, frames: Frames) -> Iterator[Problem]:
    for column in table.columns:
        if column.references is None:
            continue
        cells = frame[column.name]
        known = frames[column.references][column.name]
        for i in frame.index[cells.notna() & ~cells.isin(known)]:
            near = ", ".join(known.head(3).tolist())
            yield Problem(
                f"{column.references} has no such {column.name}",
                f"give one of its ids ({near}, …), leading zeros included",
                table.name,
                int(i) + 1,
                column.name,
                str(cells[i]),
            )


def _counties(towns: pd.DataFrame) -> Iterator[Problem]:
    names = towns.groupby("county_id")["county"].unique()
    for county_id, found in names.items():
        if len(found) > 1:
            yield Problem(
                "a county has more than one name",
                "use one name for it",
                "municipalities",
                column="county",
                value=f"{county_id}: {', '.join(found)}",
            )


def _groups(frames: Frames, target: int) -> Iterator[Problem]:
    groups, dwellings = frames["groups"], frames["dwellings"]
    if len(groups) and target > 0 and groups["persons"].sum() <= 0:
        yield Problem(
            "the groups have no persons, but there is a target",
            "give the persons expected nationally",
            "groups",
            column="persons",
            value="0",
        )
    built = frames["measures"]["beds"].dropna()
    largest = max([0, *dwellings["beds"].tolist(), *built.tolist()])
    for i, row in enumerate(groups.itertuples(index=False)):
        if row.beds > largest:
            yield _warn(
                "no dwelling anywhere is large enough for this group",
                f"the largest has {largest} beds",
                "groups",
                row=i + 1,
                column="beds",
                value=str(row.beds),
            )


_APPLIES = {
    MeasureKind.DWELLINGS.value: ("site_id", "beds"),
    MeasureKind.TRANSIT.value: ("site_id",),
    MeasureKind.SERVICE.value: ("municipality_id", "service_id"),
}


def _measures(frames: Frames) -> Iterator[Problem]:
    measures = frames["measures"].reset_index(drop=True)
    limited = set(frames["sites"].loc[frames["sites"]["transit_seats"].notna(), "site_id"])
    for i, row in measures.iterrows():
        number, kind = int(str(i)) + 1, row["kind"]
        for column in ("site_id", "municipality_id", "beds", "service_id"):
            filled, wanted = not pd.isna(row[column]), column in _APPLIES[kind]
            if wanted and not filled:
                text = f"a measure of kind {kind} needs {column}"
                yield Problem(text, f"fill {column}", "measures", number, column, "")
            if filled and not wanted:
                text = f"{column} means nothing for a measure of kind {kind}"
                yield Problem(text, "leave it blank", "measures", number, column, str(row[column]))
        if kind == MeasureKind.TRANSIT.value and row["site_id"] not in limited:
            yield _warn(
                "the site has no limit on transit seats, so the measure adds nothing",
                "leave the measure out, or give the site's transit_seats",
                "measures",
                row=number,
                column="site_id",
                value=str(row["site_id"]),
            )


def _coverage(frames: Frames) -> Iterator[Problem]:
    towns = frames["municipalities"]["municipality_id"]
    without = towns[~towns.isin(frames["sites"]["municipality_id"])]
    if len(without) and len(frames["sites"]):
        yield _warn(
            f"{len(without)} municipalities have no site and can take nobody",
            "add their sites",
            "sites",
            value=", ".join(without.head(5)),
        )
    for service, rows in frames["capacities"].groupby("service_id"):
        missing = towns[~towns.isin(rows["municipality_id"])]
        if len(missing):
            yield _warn(
                f"{service} has no capacity for {len(missing)} municipalities, so no limit there",
                "add a row for each; leave capacity blank where there is no limit",
                "capacities",
                value=", ".join(missing.head(5)),
            )
    pools = frames["shared_capacities"]["pool_id"]
    for pool in pools[~pools.isin(frames["pool_members"]["pool_id"])]:
        yield _warn(
            "the pool has no members", "add them to pool_members", "pool_members", value=pool
        )
    outcomes = frames["outcomes"]
    pairs = len(towns) * len(frames["groups"])
    if len(outcomes) and len(outcomes) < pairs:
        yield _warn(
            f"{pairs - len(outcomes)} pairs of municipality and group have no probability",
            "add them; a missing one counts as 0",
            "outcomes",
        )


def _reachable(frames: Frames, target: int, budget: float | None) -> Iterator[Problem]:
    """Warn when even all dwellings there are and could be bought cannot house the target.

    The bound lets every dwelling hold as many persons as the fullest group that fits.
    """
    groups = frames["groups"]
    most = _most_housed(frames, groups, budget)
    if target > most + 1e-6:
        yield _warn(
            f"no plan can house the target: all dwellings, those to be bought too, hold at most "
            f"{most:.0f} persons",
            "a lower target, or more dwellings",
            "dwellings",
            value=str(target),
        )


def _most_housed(frames: Frames, groups: pd.DataFrame, budget: float | None) -> float:
    def persons(beds: int) -> float:
        fitting = groups.loc[groups["beds"] <= beds, "persons_per_dwelling"]
        return float(fitting.max()) if len(fitting) else 0.0

    stock = frames["dwellings"]
    most = sum(
        n * persons(beds)
        for n, beds in zip(stock["dwellings"].tolist(), stock["beds"].tolist(), strict=True)
    )
    built = frames["measures"][frames["measures"]["kind"] == MeasureKind.DWELLINGS.value]
    for row in built.itertuples(index=False):
        steps = int(row.max_steps)
        cost = float(row.cost_per_step)
        if budget is not None and cost > 0:
            steps = min(steps, int(budget // cost))
        most += steps * float(row.units_per_step) * persons(int(row.beds))
    return float(most)
