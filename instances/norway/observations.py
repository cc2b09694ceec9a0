"""What was really asked, decided and settled in Norway, 2020 to 2024.

Publisher of all figures: Directorate of Integration and Diversity (IMDi). Small cells are
suppressed there; they are missing here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from instances.norway.facts import SPLIT_IN_2024, read_facts

YEARS = (2020, 2021, 2022, 2023, 2024)
"""Years with figures."""
PUBLISHER = "Directorate of Integration and Diversity (IMDi)"


@dataclass(frozen=True)
class Observed:
    """One figure that was observed.

    Attributes
    ----------
    column
        Column of the table of `observations`.
    description
        What was counted.
    years
        Years for which it is published.
    """

    column: str
    description: str
    years: tuple[int, ...]


OBSERVED: Mapping[str, Observed] = MappingProxyType(
    {
        one.column: one
        for one in (
            Observed("requested", "persons the state asked the municipality to settle", YEARS),
            Observed(
                "requested_first",
                "persons first asked, before a revision in the year",
                (2020, 2022),
            ),
            Observed("decided", "persons the municipal council decided to settle", YEARS[:-1]),
            Observed("settled", "persons settled in the whole year", YEARS[:-1]),
            Observed("settled_part", "persons settled in the first part of the year", (2023,)),
        )
    }
)
"""Everything observed, by name."""


def observations(year: int) -> pd.DataFrame:
    """Return what was observed in `year`, in the municipal structure of that year.

    Returns
    -------
    pandas.DataFrame
        Indexed by municipality_id, in order; the column name, and one for every figure of
        `OBSERVED` that is published for the year (persons; missing where suppressed or not
        known). In 2020 only the municipalities asked are there.

    Raises
    ------
    ValueError
        If there are no figures for the year.
    """
    if year not in YEARS:
        raise ValueError(f"nothing is observed for {year}; there are {', '.join(map(str, YEARS))}")
    if year == 2024:
        frame = read_facts("municipalities").rename(columns={"requested_2024": "requested"})
    else:
        requests = read_facts("requests")
        frame = requests[requests["year"] == year]
    frame = frame.set_index("municipality_id").sort_index()
    if year == 2023:
        # The table of requests counts 2023 before the year was over.
        frame = frame.assign(settled_part=frame["settled"], settled=_settled_2023(frame))
    figures = [name for name, one in OBSERVED.items() if year in one.years]
    return frame[["name", *figures]].astype(dict.fromkeys(figures, "float64"))


def _settled_2023(requests: pd.DataFrame) -> "pd.Series[float]":
    """Return what was settled in all of 2023; not known where a municipality was split."""
    settled = read_facts("municipalities").set_index("municipality_id")["settled_2023"]
    now = requests["municipality_id_2024"].where(~requests.index.isin(list(SPLIT_IN_2024)))
    return now.map(settled)
