"""Indicators that only keys use: published ones, and stand-ins that are named assumptions."""

from collections.abc import Mapping

import pandas as pd

KEY_INDICATORS = (
    "gdp",
    "programme_results",
    "rental_dwellings",
    "ses_score",
    "tax_revenue",
    "unemployment_rate",
)
"""Columns that every edition carries."""
KEY_INDICATORS_2024 = (
    "asylum_applications",
    "reception_residents",
    "refugee_stock",
    "state_places",
)
"""Columns about who is there already, which are known for 2024 only."""


def key_indicators(frame: pd.DataFrame, assume: Mapping[str, float]) -> pd.DataFrame:
    """Return `frame` with the columns of `KEY_INDICATORS` and `KEY_INDICATORS_2024`.

    Parameters
    ----------
    frame
        Facts, with `population` and `employment_rate` of the edition.
    assume
        Values of the assumptions.
    """
    people, income = frame["population"], frame["median_household_income_nok"]
    # Published for the median household; the country's mean is weighted by inhabitants.
    total = income * people / assume["persons_per_household"]
    relative = income / (income * people).sum() * people.sum() - 1
    stock = frame["dwellings_2021"].fillna(
        frame["population_2024"] / assume["persons_per_dwelling_stock"]
    )
    few = assume["settled_where_suppressed"]
    # Alesund and Haram, one municipality until 2024, have no figure: as the others, by size.
    settled = frame[["settled_2022", "settled_2023"]]
    rates = settled.sum() / people[settled.notna().all(axis=1)].sum()
    arrived = pd.DataFrame(
        {year: settled[year].fillna(people * rates[year]).clip(lower=few) for year in settled}
    ).sum(axis=1)
    residents = frame["reception_residents_2024_01"]
    return frame.assign(
        gdp=(total * assume["gdp_per_household_income"]).round(),
        tax_revenue=(total * assume["tax_per_household_income"]).round(),
        programme_results=assume["programme_results"],
        rental_dwellings=(stock * frame["renting_share"]).round(),
        ses_score=(relative * assume["ses_score_per_relative_income"]).round(4),
        unemployment_rate=(
            (1 - frame["employment_rate"]) * assume["unemployment_per_not_employed"]
        ).round(4),
        asylum_applications=(arrived / 2).round(1),
        refugee_stock=arrived.round(),
        reception_residents=residents,
        state_places=(residents * assume["state_places_per_resident"]).round(),
    )
