"""The tables of a synthetic country: the rows drawn, each figure jittered by its rule."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from instances.norway.capacity import whole_with_total
from instances.synthetic.draw import Draw, Positions, Texts, rows_of, text
from instances.synthetic.jitter import Numbers, factors, moved, shares, whole
from models.instance import Instance

PERSONS = (
    "previous_quota",
    "minors_requested_2024",
    "requested_2024",
    "settled_2022",
    "settled_2023",
    "asylum_applications",
    "reception_residents",
    "refugee_stock",
    "rental_dwellings",
    "state_places",
    "tax_revenue",
    "gdp",
)
"""Columns of municipalities that grow with it; whole persons, dwellings and kroner."""

SHARES = ("employment_rate", "renting_share", "urban_share")
"""Columns between 0 and 1, three decimals as published."""

AMOUNTS: Mapping[str, int] = {"area_km2": 1, "median_household_income_nok": -2}
"""Columns that vary on their own, with the decimals they are published with."""

KEPT = (
    "minors_allowed",
    "centrality_class",
    "kostra_group",
    "programme_results",
    "ses_score",
    "unemployment_rate",
)
"""Columns that say what kind of place it is, and stay as drawn."""


class Country:
    """What all tables share: the source, the draw, each municipality's factor, the jitters."""

    def __init__(
        self, base: Instance, draw: Draw, rng: np.random.Generator, spreads: Mapping[str, float]
    ) -> None:
        self._base, self._draw, self._spreads = base, draw, spreads
        self._size = factors(rng, spreads["size_spread"], len(draw.row))
        # A generator a table, so that a change to one leaves the others as they were.
        names = ("municipalities", "sites", "dwellings", "capacities", "measures")
        self._rng = dict(zip(names, rng.spawn(len(names)), strict=True))
        ids = pd.Index(base.municipalities["municipality_id"])
        self._position = pd.Series(np.arange(len(ids)), index=ids)
        self._town_of_site = base.sites.set_index("site_id")["municipality_id"]

    def municipalities(self) -> pd.DataFrame:
        """Return the municipalities.

        Population and persons times the size factor; population at least 1. Somebody has
        to take the unaccompanied minors: where no row drawn allows them, as happens with
        fewer than seven municipalities, the largest does.
        """
        rng, draw = self._rng["municipalities"], self._draw
        rows = self._base.municipalities.iloc[draw.row].reset_index(drop=True)
        latitude, longitude = moved(
            rng,
            self._spreads["location_spread_km"],
            rows["latitude"].to_numpy(),
            rows["longitude"].to_numpy(),
        )
        frame = pd.DataFrame(
            {
                "municipality_id": draw.municipality_id,
                "name": text(rows["name"]) + " " + draw.municipality_id,
                "county_id": draw.county_id,
                "county": draw.county,
                "latitude": latitude,
                "longitude": longitude,
                "population": np.maximum(1, np.round(rows["population"] * self._size)),
                **{name: whole(rng, rows[name].to_numpy() * self._size) for name in PERSONS},
                **{name: rows[name] for name in KEPT},
            }
        ).astype({"population": "int64"})
        for name in SHARES:
            values = shares(rng, self._spreads["share_spread"], rows[name].to_numpy())
            frame[name] = np.round(values, 3)
        for name, decimals in AMOUNTS.items():
            frame[name] = np.round(rows[name] * self._items(rng, len(rows)), decimals)
        if not frame["minors_allowed"].any():
            frame.loc[frame["population"].idxmax(), "minors_allowed"] = True
        return frame

    def sites(self) -> pd.DataFrame:
        """Return the sites; a site without a limit on seats stays without."""
        source, rng = self._base.sites, self._rng["sites"]
        row, town = rows_of(self._owner(source["municipality_id"]), self._draw.row)
        # "Oslo, town" becomes "Oslo 0017, town".
        kind = _after(source["name"], self._name_of(source["municipality_id"]))
        names = text(self._base.municipalities["name"])[self._draw.row[town]]
        seats = source["transit_seats"].to_numpy()[row] * self._size[town]
        return pd.DataFrame(
            {
                "site_id": self._renamed(source["site_id"], source["municipality_id"], row, town),
                "municipality_id": self._draw.municipality_id[town],
                "name": names + " " + self._draw.municipality_id[town] + kind[row],
                "transit_seats": whole(rng, seats * self._items(rng, len(row))),
            }
        )

    def dwellings(self) -> pd.DataFrame:
        """Return the free dwellings; whole, and none where there was none."""
        source, rng = self._base.dwellings, self._rng["dwellings"]
        ids = source["site_id"].map(self._town_of_site)
        row, town = rows_of(self._owner(ids), self._draw.row)
        free = source["dwellings"].to_numpy()[row] * self._size[town]
        return pd.DataFrame(
            {
                "site_id": self._renamed(source["site_id"], ids, row, town),
                "beds": source["beds"].to_numpy()[row],
                "dwellings": whole(rng, free * self._items(rng, len(row))),
            }
        )

    def capacities(self) -> pd.DataFrame:
        """Return the free places; whole where the source has whole places, else one decimal."""
        source, rng = self._base.capacities, self._rng["capacities"]
        row, town = rows_of(self._owner(source["municipality_id"]), self._draw.row)
        places = source["capacity"].to_numpy()[row] * self._size[town]
        places *= self._items(rng, len(row))
        is_whole = (source["capacity"].dropna() % 1 == 0).groupby(source["service_id"]).all()
        counted = source["service_id"].map(is_whole).to_numpy(dtype=bool)[row]
        return pd.DataFrame(
            {
                "municipality_id": self._draw.municipality_id[town],
                "service_id": text(source["service_id"])[row],
                "capacity": np.where(counted, whole(rng, places), np.round(places, 1)),
            }
        )

    def measures(self) -> pd.DataFrame:
        """Return the measures.

        What a step creates stays (a minibus has its seats). Steps go with the size factor,
        at least one; costs are in whole thousands.
        """
        source, rng = self._base.measures, self._rng["measures"]
        ids = source["municipality_id"].fillna(source["site_id"].map(self._town_of_site))
        row, town = rows_of(self._owner(ids), self._draw.row)
        steps = np.round(source["max_steps"].to_numpy()[row] * self._size[town])
        costs = source["cost_per_step"].to_numpy()[row]
        costs = costs * factors(rng, self._spreads["cost_spread"], len(row))
        at_site = pd.Series(source["site_id"].notna().to_numpy()[row])
        sites = pd.Series(self._renamed(source["site_id"].fillna(ids), ids, row, town))
        towns = pd.Series(self._draw.municipality_id[town])
        return pd.DataFrame(
            {
                "measure_id": self._renamed(source["measure_id"], ids, row, town),
                "kind": text(source["kind"])[row],
                "site_id": sites.where(at_site),
                "municipality_id": towns.mask(at_site),
                "beds": source["beds"].array[row],
                "service_id": source["service_id"].array[row],
                "units_per_step": source["units_per_step"].to_numpy()[row],
                "cost_per_step": np.round(costs, -3),
                "max_steps": np.maximum(1, steps).astype(np.int64),
            }
        )

    def groups(self, target: int) -> pd.DataFrame:
        """Return the groups in their Norwegian proportions, whole persons adding up to `target`."""
        source = self._base.groups
        persons = source["persons"].to_numpy()
        return source.assign(persons=whole_with_total(persons * (target / persons.sum())))

    def _items(self, rng: np.random.Generator, count: int) -> Numbers:
        return factors(rng, self._spreads["item_spread"], count)

    def _owner(self, municipality_ids: "pd.Series[str]") -> Positions:
        owner: Positions = municipality_ids.map(self._position).to_numpy(dtype=np.int64)
        return owner

    def _name_of(self, municipality_ids: "pd.Series[str]") -> "pd.Series[str]":
        names = self._base.municipalities.set_index("municipality_id")["name"]
        return municipality_ids.map(names)

    def _renamed(
        self, ids: "pd.Series[str]", owners: "pd.Series[str]", row: Positions, town: Positions
    ) -> Texts:
        """Give ids that begin with the id of their municipality the new one instead."""
        renamed: Texts = self._draw.municipality_id[town] + _after(ids, owners)[row]
        return renamed


def _after(texts: "pd.Series[str]", beginnings: "pd.Series[str]") -> Texts:
    pairs = zip(texts, beginnings, strict=True)
    return np.array([whole_text.removeprefix(start) for whole_text, start in pairs], dtype=object)
