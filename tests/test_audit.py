"""The audit finds keys that are not monotone, weights that weigh otherwise, unequal equals."""

import pytest

from allocator.audit import Audit, Finding, audit_key
from allocator.keys.registry import KEYS, always, register
from allocator.keys.rule import POPULATION, Given, Options, Result
from models.policy import Key
from tests.builders import municipality, tiny
from tests.test_official_keys import three


def finding(audit: Audit, question: str, indicator: str | None) -> Finding:
    found = [f for f in audit.findings if (f.question, f.indicator) == (question, indicator)]
    assert len(found) == 1
    return found[0]


def test_the_european_key_of_2015_is_not_monotone_in_unemployment() -> None:
    # One large place with the lowest unemployment, small ones with more (Grech 2017).
    towns = [
        municipality(
            n, name=f"Land {n}", population=people, gdp=people * 3.0,
            asylum_applications=people / 100, unemployment_rate=rate,
        )
        for n, (people, rate) in enumerate(
            [(80_000, 0.05), (10_000, 0.06), (8_000, 0.1), (2_000, 0.08), (900, 0.2)], start=1
        )
    ]  # fmt: skip
    audit = audit_key(tiny(towns, target=1000), Key(name="eu_2015"))
    found = finding(audit, "counting", "unemployment_rate")
    assert not found.holds
    assert found.name == "Land 1"
    assert found.persons > 1
    assert "below the country's" in found.example
    assert finding(audit, "own", "unemployment_rate").holds
    unemployment = {weight.factor: weight for weight in audit.weights}["unemployment"]
    assert not unemployment.holds


def test_a_weighted_key_with_a_rate_is_found_too() -> None:
    key = Key(name="weighted", weights={"population": 1.0, "employment_rate": 1.0})
    audit = audit_key(three(employment_rate=[0.8, 0.6, 0.9]), key)
    found = finding(audit, "counting", "employment_rate")
    assert (found.holds, found.name) == (False, "Town 1")


@pytest.mark.parametrize("name", ["population", "norway_2018", "koenigstein", "denmark"])
def test_sound_keys_hold(name: str) -> None:
    options: dict[str, float] = {"least_population": 0.0} if name == "norway_2018" else {}
    audit = audit_key(three(target=1000), Key(name=name, options=dict(options)))
    assert [found for found in audit.findings if not found.holds] == []


def test_effective_weights_add_up_where_nothing_is_capped() -> None:
    audit = audit_key(three(), Key(name="koenigstein"))
    assert sum(weight.effective for weight in audit.weights) == pytest.approx(1)
    assert audit.unexplained == pytest.approx(0)
    assert sum(weight.stated for weight in audit.weights) == pytest.approx(1)


def test_the_worst_case_is_named_where_a_key_turns_round_or_favours_a_county(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("allocator.keys.registry.KEYS", dict(KEYS))

    @register(
        "odd", title="", formula="", source="", limits="", options=Options,
        indicators=always(POPULATION),
    )  # fmt: skip
    def odd(given: Given[Options]) -> Result:
        people = given.towns["population"]
        favoured = given.towns["county_id"].eq("02").astype(float)
        return Result((20_000 - people).clip(lower=0.0) * (1 + favoured))

    del odd
    try:
        audit = audit_key(three(), Key(name="odd"))
    finally:
        KEYS.pop("odd", None)
    own, equals = finding(audit, "own", "population"), finding(audit, "equals", None)
    assert (own.holds, own.violations, own.name) == (False, 3, "Town 1")
    assert not equals.holds
    assert "Town" in equals.example
