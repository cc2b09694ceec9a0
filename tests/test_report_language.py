"""The report says everything in both languages, and writes numbers as each of them does."""

import re
import string
from pathlib import Path
from typing import Any

import pytest

from allocator.explain.words import PACKAGE
from allocator.language import REPORT, Texts, messages
from allocator.report import LANGUAGES, report
from allocator.report.words import goals_in_words, policy_in_words
from models.plan import Status
from models.policy import Policy, Relation, Term
from tests.hand_made import case
from tests.pages import NBSP, html


@pytest.mark.parametrize("package", [REPORT, PACKAGE])
def test_every_message_is_in_every_language(package: str) -> None:
    for key, message in messages(package).items():
        assert set(message) == set(LANGUAGES), key
        assert all(text.strip() for text in message.values()), key
        fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name}
                  for text in message.values()]  # fmt: skip
        assert fields.count(fields[0]) == len(fields), key


def test_every_message_is_used_and_every_term_and_status_has_one() -> None:
    root = Path(__file__).parent.parent / "allocator" / "report"
    files = [root.parent / "language.py", *root.rglob("*.py"), *root.rglob("*.j2")]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    dynamic = ("status", "term", "key", "family", "item", "kind", "totals", "fairness", "table")
    unused = [key for key in messages() if key.split(".")[0] not in dynamic
              and f'"{key}' not in source and f"'{key}" not in source]  # fmt: skip
    assert [key for key in unused if not key.startswith("policy.minors_")] == []
    assert {f"term.{term.value}" for term in Term} <= set(messages())
    assert {f"status.{status.value}" for status in Status} <= set(messages())


def test_the_languages_differ_and_write_numbers_their_way() -> None:
    nb, en = Texts("nb"), Texts("en")
    assert (nb.number(37000.456, 2), en.number(37000.456, 2)) == (f"37{NBSP}000,46", "37,000.46")
    assert (nb.percent(0.0066, 2), en.percent(0.0066, 2)) == (f"0,66{NBSP}%", "0.66%")
    assert (nb.number(-5), en.number(5, sign=True), en.number(-0.001, 1)) == ("−5", "+5", "0.0")
    assert (nb.number(None), en.percent(float("nan")), en.money(None, "NOK")) == ("–", "–", "–")
    assert en.money(1_005_996_000, "NOK") == "1,006 million NOK"
    assert nb.money(2_500_000, "NOK") == "2,5 mill. NOK"
    assert en.money(170, "EUR") == f"170{NBSP}EUR"
    assert (nb.listed(["a", "b", "c"]), en.listed(["a"]), en.listed([])) == ("a, b og c", "a", "")
    instance, _, plan = case()
    norwegian = html(instance, plan, language="nb")
    assert "Alle kommuner" in norwegian
    assert "All municipalities" not in norwegian


def test_an_unknown_language_or_format_is_refused() -> None:
    instance, _, plan = case()
    with pytest.raises(ValueError, match="nb, en, not in 'sv'"):
        report(instance, plan, language="sv")
    with pytest.raises(ValueError, match="html, xlsx, svg, png, not as 'pdf'"):
        report(instance, plan, format="pdf")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_is_put_into_words(language: str) -> None:
    instance, _, _ = case()
    texts = Texts(language)
    changes: dict[str, Any] = {
        "target": 50,
        "key": {"name": "weighted", "weights": {"population": 0.25}},
        "step": 7,
        "floor": 14,
        "max_share_of_population": 0.03,
        "min_ratio": 0.4,
        "max_ratio": 1.7,
        "max_change": {"persons": 11.0, "share": 0.35},
        "county_bounds": ({"county_id": "03", "at_least": 21.0, "at_most": 41.0},),
        "fixed": tuple(
            {"municipality_id": f"0{i}01", "relation": relation, "persons": 30 + i}
            for i, relation in enumerate(Relation, start=1)
        ),
        "budget": {"total": 111.0, "dwellings": 112.0, "transit": 113.0, "service": 114.0},
        "soft": {"health": 2.5},
        "minors": "anywhere",
        "base": {f"{i:04d}": 10 for i in range(61)},
        "goals": ({"terms": {term: 1.0}} for term in Term),
    }
    changes["goals"] = tuple(changes["goals"])
    before = set(policy_in_words(Policy(), instance, texts))
    policy = Policy.model_validate(changes)
    said = " ".join(set(policy_in_words(policy, instance, texts)) - before)
    for number in (
        "50",
        "7",
        "14",
        "3",
        "11",
        "35",
        "21",
        "41",
        "31",
        "32",
        "33",
        "111",
        "112",
        "61",
    ):
        assert re.search(rf"\b{number}\b", said), number
    for weight in (0.25, 0.4, 1.7, 2.5):
        assert f"{weight:g}".replace(".", "," if language == "nb" else ".") in said
    assert not set(Policy.model_fields) - {"goals", "credits"} - set(changes)
    goals = goals_in_words(policy, texts)
    assert goals == [texts.known("term", term.value) for term in Term]


def test_tolerances_and_weights_are_told() -> None:
    terms = {"unfairness": 1.0, "cost": 1e-7}
    goal = {"terms": terms, "tolerance": 0.01, "tolerance_absolute": 2.5}
    (said,) = goals_in_words(Policy.model_validate({"goals": (goal,)}), Texts("en"))
    for text in ("10⁻⁷", "give up 1.0% of it", "give up 2.5"):
        assert text in said
