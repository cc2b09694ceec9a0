"""A report shows the plan's own numbers, needs no network and runs no text."""

import base64
import hashlib
import re

import numpy as np
import pandas as pd
import pytest

from allocator.errors import InstanceMismatch, InvalidPlan
from allocator.loading import load
from allocator.report import FORMATS, LANGUAGES, report
from allocator.report.figures import figures_of
from allocator.solve import solve
from models.instance import Instance
from models.options import SolveOptions
from models.plan import InstanceReference, PlanTables, Status
from models.policy import Policy
from tests.hand_made import case, with_tables
from tests.pages import HOSTILE, NBSP, Page, html, moved, named


@pytest.fixture(scope="module")
def page() -> Page:
    instance, _, plan = case()
    return Page(html(instance, plan))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_well_formed_and_says_its_language(language: str) -> None:
    instance, _, plan = case()
    found = Page(html(instance, plan, moved(plan), language=language))
    assert (found.open, found.wrong) == ([], [])
    assert found.tags[0] == ("html", {"lang": language})
    ids = found.all("id")
    assert len(ids) == len(set(ids))
    assert {target.removeprefix("#") for target in found.all("href") if target[:1] == "#"} <= {*ids}
    assert set(found.all("aria-labelledby")) <= set(ids)


def test_the_page_needs_nothing_else() -> None:
    instance = load("tiny-measures")
    content = html(instance, solve(instance, Policy(), SolveOptions(gap=0.0)))
    found = Page(content)
    assert found.all("src") == []
    assert not {"link", "img", "iframe", "object", "embed", "form"} & {tag for tag, _ in found.tags}
    assert "url(" not in content
    assert "@import" not in content
    addresses = set(re.findall(r"https?://[^\s\"'<>&]+", content))
    # Names of XML, which nobody opens.
    assert {
        address for address in addresses if not address.startswith("http://www.w3.org/")
    } == set()


def test_links_lead_to_sources_alone() -> None:
    instance, _, plan = case()
    source = {"title": "T", "publisher": "P", "path": "https://example.org/a?b=1&c=2"}
    script = {"title": "T", "publisher": "P", "path": "javascript:alert(1)"}
    given = Instance.model_validate(
        {**{n: getattr(instance, n) for n in Instance.model_fields}, "sources": [source, script]}
    )
    about = InstanceReference(id=given.id, sha256=given.sha256)
    found = Page(html(given, plan.model_copy(update={"instance": about})))
    outside = [target for target in found.all("href") if target[:1] != "#"]
    assert outside == ["https://example.org/a?b=1&c=2"]


def test_only_its_own_script_may_run() -> None:
    instance, _, plan = case()
    content = html(instance, plan)
    (script,) = re.findall(r"<script>(.*?)</script>", content, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(a["content"] for t, a in Page(content).tags if t == "meta" and "content" in a)
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not [name for _, attributes in Page(content).tags for name in attributes
                if name.startswith("on")]  # fmt: skip


def test_the_table_shows_the_numbers_of_the_plan(page: Page) -> None:
    assert [row[0] for row in page.rows] == ["0101", "0201", "0301"]
    assert page.rows[1] == [
        "0201", "Town 2", "County 2", "2,000", "20.0", "15", "0.75", "7.5", "4", "",
    ]  # fmt: skip
    # 0101 and 0201 have no home for families to use up.
    assert [row[-1] for row in page.rows] == ["health", "", "housing"]
    values = [float(value) for value in page.all("data-value") if re.fullmatch(r"[\d.]+", value)]
    assert {35.0, 35 / 30, 0.75} <= set(values)


def test_every_municipality_is_on_the_map_with_its_numbers(page: Page) -> None:
    bubbles = [a for _, a in page.tags if a.get("class") == "bubble"]
    assert {bubble["data-id"] for bubble in bubbles} == {"0101", "0201", "0301"}
    labels = [str(bubble["aria-label"]) for bubble in bubbles]
    expected = "Town 2 (County 2): 15 persons; fair share 20.0, ratio 0.75; 7.5 per 1,000"
    assert any(label.startswith(expected) for label in labels)
    # The largest is drawn first, so that it hides none.
    radii = [float(str(bubble["r"])) for bubble in bubbles]
    assert radii == sorted(radii, reverse=True)


def test_the_page_tells_totals_proof_measures_and_policy(page: Page) -> None:
    words = re.sub(r"\s+", " ", " ".join(page.words))
    for text in (
        "All 60 persons have a place: 3 of 3 municipalities are asked to settle.",
        "170 EUR of 200 EUR",
        "between 0.88 and 1.08 times their fair share. 8.3% of the persons",
        "Proven best possible.",
        "At most 7.49% from the best possible.",
        "dwellings for 3",
        "Quotas are whole multiples of 5.",
        "Town 1: decided, at least 5 persons.",
        "County County 3: at most 40 persons.",
        "plan for tiny",
    ):
        assert text.casefold() in words.replace(NBSP, " ").casefold(), text


def test_a_shortfall_and_what_is_not_proven_are_told() -> None:
    instance, _, plan = case()
    assert plan.totals is not None
    short = plan.totals.model_copy(update={"placed": 50, "shortfall": 10})
    unproven = tuple(g.model_copy(update={"bound": None, "gap": None}) for g in plan.goals)
    changed = plan.model_copy(
        update={"totals": short, "goals": unproven, "status": Status.LIMIT, "warnings": ("Mind!",)}
    )
    content = html(instance, changed)
    for text in ("50 of 60 persons have a place; 10 have none", "not proven", "Mind!"):
        assert text in content
    assert "Nothing is proven about how much better it could be." in content


def test_another_plan_adds_the_differences() -> None:
    instance, _, plan = case()
    found = Page(html(instance, plan, moved(plan)))
    words = " ".join(" ".join(found.words).split())
    assert "2 municipalities get another quota; 5 persons are settled elsewhere." in words
    assert [row[9:11] for row in found.rows] == [["15", "−5"], ["15", "0"], ["30", "+5"]]
    same = " ".join(Page(html(instance, plan, plan)).words)
    assert "No municipality gets another quota." in same


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_shown_and_never_run(language: str) -> None:
    instance, plan = named(HOSTILE)
    content = html(instance, plan, moved(plan), language=language)
    assert content.count("<script>") == 1
    assert "&lt;script&gt;alert(1)" in content
    found = Page(content)
    assert (found.open, found.wrong) == ([], [])
    assert [row[1] for row in found.rows] == list(HOSTILE[:3])
    assert "alert" not in " ".join(name for _, attributes in found.tags for name in attributes)


def test_figures_that_are_missing_are_dashes() -> None:
    instance, _, plan = case()
    quotas = plan.quotas.assign(fair_share=[0.0, 30.0, 30.0], ratio=[np.nan, 0.5, 35 / 30])
    found = Page(html(instance, with_tables(plan, quotas=quotas)))
    assert found.rows[0][4:8] == ["0.0", "10", "–", "10.0"]
    assert "NaN" not in " ".join(found.words)
    assert "nan" not in " ".join(found.all("data-value"))


def test_an_instance_without_capacities_measures_or_sources_has_a_report() -> None:
    instance, _, plan = case()
    bare = with_tables(plan, capacity=plan.capacity.iloc[:0], measures=plan.measures.iloc[:0])
    content = html(instance, bare)
    for text in ("The instance has no capacities.", "The plan buys no measures.", "no sources"):
        assert text in content


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_plan_makes_the_same_bytes(kind: str) -> None:
    instance, _, plan = case()
    assert report(instance, plan, format=kind) == report(instance, plan, format=kind)


def test_the_national_report_has_every_municipality() -> None:
    instance = load("norway-2024")
    frame = instance.municipalities
    quotas = pd.DataFrame(
        {
            "municipality_id": frame["municipality_id"],
            "name": frame["name"],
            "county_id": frame["county_id"],
            "fair_share": frame["population"] / frame["population"].sum() * 37_000,
            "quota": frame["requested_2024"].astype("int64"),
            "minors": frame["minors_requested_2024"].fillna(0.0),
            "asked": frame["requested_2024"] > 0,
        }
    )
    quotas["ratio"] = quotas["quota"] / quotas["fair_share"]
    _, _, made = case()
    about = InstanceReference(id=instance.id, sha256=instance.sha256)
    tables = PlanTables({"quotas": quotas})
    plan = made.model_copy(update={"instance": about, "tables": tables, "policy": Policy()})
    found = Page(html(instance, plan, language="nb"))
    assert [row[0] for row in found.rows] == frame["municipality_id"].tolist()
    assert [row[1] for row in found.rows] == frame["name"].tolist()
    assert found.rows[0][5] == f"1{NBSP}650"
    assert sum(a.get("class") == "bubble" for _, a in found.tags) == 357
    words = " ".join(found.words)
    assert all(county in words for county in frame["county"].unique())
    assert "SSB" in words


def test_plans_that_cannot_be_reported_are_refused() -> None:
    instance, _, plan = case()
    nothing = plan.model_copy(update={"totals": None, "tables": PlanTables({})})
    with pytest.raises(InvalidPlan, match="no quotas"):
        report(instance, nothing)
    with pytest.raises(InvalidPlan, match="no quotas"):
        report(instance, plan, nothing)
    with pytest.raises(InstanceMismatch, match="plans of one instance"):
        report(load("tiny-measures"), plan)


def test_a_pool_counts_for_each_of_its_members() -> None:
    instance, _, plan = case()
    capacity = plan.capacity
    capacity.loc[capacity["family"] == "education", ["used", "slack", "binding"]] = [
        15.0,
        0.0,
        True,
    ]
    towns = figures_of(instance, with_tables(plan, capacity=capacity)).municipalities
    families = dict(zip(towns["municipality_id"], towns["families"], strict=True))
    assert families["0101"] == ("health",)
    assert families["0201"] == ("education",)
    assert families["0301"] == ("housing", "education")
