"""The Norwegian instances hold the published figures, rebuild unchanged and can be varied."""

import filecmp
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from allocator.checking import check
from allocator.loading import load
from allocator.writing import write
from instances.norway.assumptions import load_assumptions, resolve
from instances.norway.build import EDITIONS, build
from models.instance import Instance
from models.problems import errors
from models.tables import fingerprint

FOLDERS = Path(__file__).parent.parent / "instances"


@cache
def built(name: str) -> Instance:
    return build(name)


def content(instance: Instance) -> tuple[float | None, str]:
    return instance.budget, fingerprint(instance.tables)


@pytest.fixture
def norway() -> Instance:
    return built("norway-2024")


@pytest.mark.parametrize("name", EDITIONS)
def test_the_folder_rebuilds_byte_for_byte(name: str, tmp_path: Path) -> None:
    folder = write(build(name), tmp_path / name)
    packaged = sorted(path.name for path in (FOLDERS / name).iterdir())
    assert packaged == sorted(path.name for path in folder.iterdir())
    equal, different, unread = filecmp.cmpfiles(folder, FOLDERS / name, packaged, shallow=False)
    assert (sorted(equal), different, unread) == (packaged, [], [])
    assert load(FOLDERS / name).sha256 == built(name).sha256


@pytest.mark.parametrize("name", EDITIONS)
def test_nothing_is_wrong_with_it(name: str) -> None:
    assert errors(check(built(name))) == []


@pytest.mark.parametrize(
    ("name", "target", "municipalities", "population", "requested"),
    [
        ("norway-2024", 37_000, 357, 5_550_203, 37_000),
        ("norway-2023", 38_000, 356, 5_425_270, 38_000),
        ("norway-2022", 35_000, 356, 5_425_270, 35_000),
    ],
)
def test_the_totals_are_the_published_ones(
    name: str, target: int, municipalities: int, population: int, requested: int
) -> None:
    instance = built(name)
    frame = instance.municipalities
    assert instance.target == target
    assert len(frame) == municipalities
    assert frame["population"].sum() == population
    assert frame[f"requested_{instance.year}"].sum() == requested
    assert instance.groups["persons"].sum() == target


def test_minors_go_where_they_were_requested(norway: Instance) -> None:
    frame = norway.municipalities
    assert frame["minors_allowed"].sum() == 57
    assert frame["minors_requested_2024"].sum() == 610
    assert float(norway.groups.set_index("group_id").loc["minors", "persons"]) == 610
    assert built("norway-2022").municipalities["minors_allowed"].all()


def test_the_previous_quota_is_the_settlement_of_the_year_before(norway: Instance) -> None:
    frame = norway.municipalities.set_index("municipality_id")
    assert frame.loc["0301", "previous_quota"] == 2018
    blank = frame.index[frame["previous_quota"].isna()]
    assert list(blank) == ["1508", "1580"]


def test_alesund_and_haram_are_one_before_2024() -> None:
    now = built("norway-2024").capacities.set_index(["municipality_id", "service_id"])["capacity"]
    before = built("norway-2023")
    then = before.capacities.set_index(["municipality_id", "service_id"])["capacity"]
    parts = now.loc[("1508", "language")] + now.loc[("1580", "language")]
    assert then.loc[("1507", "language")] == pytest.approx(parts, abs=10)
    counties = before.municipalities.set_index("municipality_id")["county"]
    assert counties["1507"] == "Møre og Romsdal"
    assert counties.notna().all()


def test_towns_and_scattered_settlements_follow_the_urban_share(norway: Instance) -> None:
    sites = norway.sites
    rural = sites["site_id"].str.endswith("-rural")
    urban = norway.municipalities.set_index("municipality_id")["urban_share"]
    assert set(sites.loc[rural, "municipality_id"]) == set(urban.index[urban < 1])
    assert set(sites.loc[~rural, "municipality_id"]) == set(urban.index[urban > 0])
    assert sites.loc[rural, "transit_seats"].notna().all()
    assert sites.loc[~rural, "transit_seats"].isna().all()


def test_free_dwellings_follow_stock_renting_and_turnover(norway: Instance) -> None:
    dwellings = norway.dwellings.set_index("site_id")["dwellings"]
    free = dwellings[dwellings.index.str.startswith("1103-")].sum()
    assert free == pytest.approx(66_912 * 0.245 * resolve()["housing_turnover"], abs=1)
    assert (dwellings % 1 == 0).all()


def test_a_variant_changes_what_it_names_and_says_so(norway: Instance) -> None:
    more = build("norway-2024", {"housing_turnover": 0.03})
    assert more.dwellings["dwellings"].sum() > norway.dwellings["dwellings"].sum()
    pd.testing.assert_frame_equal(more.capacities, norway.capacities)
    assert "housing_turnover = 0.03" in more.description
    assert more.sha256 != norway.sha256


def test_every_wrong_assumption_is_reported_at_once() -> None:
    wrong = {"housing_turnover": 5.0, "house_turnover": 0.03, "minibus_cost": float("nan")}
    with pytest.raises(ValueError, match="housing_turnover = 5 is not plausible") as caught:
        build("norway-2024", wrong)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "no assumption is called 'house_turnover'" in lines[1]
    assert "minibus_cost = nan" in lines[2]


def test_group_shares_above_one_are_refused() -> None:
    shares = {"single_share_of_rest": 0.6, "couple_share_of_rest": 0.4}
    with pytest.raises(ValueError, match="add up to more than 1"):
        build("norway-2024", shares)


def test_an_unknown_instance_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="norway-2022, norway-2023, norway-2024"):
        build("norway-1999")


def test_every_assumption_has_a_reason_and_lies_in_its_range() -> None:
    for assumption in load_assumptions().values():
        assert assumption.low <= assumption.value <= assumption.high, assumption.name
        assert assumption.reason.strip(), assumption.name
        assert assumption.unit.strip(), assumption.name


@pytest.mark.parametrize("name", load_assumptions())
def test_every_assumption_changes_the_instance(name: str) -> None:
    year = {"measures_budget_2022": 2022, "measures_budget_2023": 2023}.get(name, 2024)
    after = build(f"norway-{year}", {name: load_assumptions()[name].low})
    assert content(after) != content(built(f"norway-{year}"))


def test_sources_and_licences_name_the_publishers(norway: Instance) -> None:
    publishers = " ".join(source.publisher for source in norway.sources)
    for publisher in ("SSB", "Kartverket", "GeoNames", "Wikidata", "IMDi"):
        assert publisher in publishers
    assert {licence.name for licence in norway.licenses} >= {"CC-BY-4.0", "CC0-1.0"}
