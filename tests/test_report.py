"""A report shows the plan's own numbers, in both languages, needs no network and runs no text."""

import base64
import hashlib
import io
import re
import string
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from allocator.cli import Exit, app
from allocator.errors import InstanceMismatch, InvalidPlan
from allocator.loading import load
from allocator.plans import remembering, write_plan
from allocator.report import FORMATS, LANGUAGES, report
from allocator.report.bubbles import lay_out
from allocator.report.classes import CLASSES, NO_SHARE, NOT_ASKED, colour_of
from allocator.report.figures import figures_of
from allocator.report.language import Texts, messages
from allocator.report.projection import transverse_mercator
from allocator.report.words import goals_in_words, policy_in_words
from allocator.solve import solve
from allocator.writing import write
from models.instance import Instance
from models.options import SolveOptions
from models.plan import InstanceReference, Plan, PlanTables, Status
from models.policy import Policy, Relation, Term
from tests.hand_made import case, with_tables

HOSTILE = (
    "<script>alert(1)</script>", '=cmd|"/c calc"!A0', "+1", "-1+1", "@SUM(A1)", "\tTab", "\rReturn",
)  # fmt: skip
NBSP = "\u00a0"


class Page(HTMLParser):
    """Collects what a test asks of a page, and the tags that were never closed."""

    VOID = frozenset({"meta", "input", "br", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self._row: list[str] | None = None
        self._cell = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self._row = [] if str(dict(attrs).get("id", "")).startswith("m-") else None
        self._cell = tag in ("td", "th") or (self._cell and tag == "span")
        if tag in ("td", "th") and self._row is not None:
            self._row.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)
        self._cell = self._cell and tag not in ("td", "th")
        if tag == "tr" and self._row:
            self.rows.append(self._row)
            self._row = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._row and self._cell:
            self._row[-1] += data

    def all(self, name: str) -> list[str]:
        """Return the values of an attribute, over all elements that have it."""
        return [value or "" for _, attributes in self.tags for key, value in attributes.items()
                if key == name]  # fmt: skip


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def moved(plan: Plan) -> Plan:
    """Return the plan with five persons moved from 0301 to 0101."""
    return with_tables(plan, quotas=plan.quotas.assign(quota=[15, 15, 30]))


def named(names: tuple[str, ...]) -> tuple[Instance, Plan]:
    """Return an instance whose municipalities, county and services have these names; a plan."""
    instance, policy, plan = case()
    towns, services = instance.municipalities, instance.services
    towns["name"] = pd.Series(list(names[:3]), dtype="str")
    towns["county"] = names[0]
    services["name"] = names[1]
    hostile = instance.replace(municipalities=towns, services=services, title=names[0])
    about = InstanceReference(id=hostile.id, sha256=hostile.sha256)
    quotas = plan.quotas.assign(name=towns["name"])
    changed = with_tables(plan, quotas=quotas).model_copy(
        update={"instance": about, "warnings": (names[0],), "policy": policy}
    )
    return hostile, changed


def html(*arguments: Any, language: str = "en") -> str:
    return report(*arguments, language=language).decode()


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {sheet.title: [[c.value for c in row] for row in sheet.iter_rows()] for sheet in book}


@pytest.fixture(scope="module")
def page() -> Page:
    instance, _, plan = case()
    return Page(html(instance, plan))


# The page


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
        "0201", "Town 2", "County 2", "2,000", "20.0", "15", "0.75", "7.5", "4", "housing",
    ]  # fmt: skip
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


# Languages


def test_every_message_is_in_every_language() -> None:
    for key, message in messages().items():
        assert set(message) == set(LANGUAGES), key
        assert all(text.strip() for text in message.values()), key
        fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name}
                  for text in message.values()]  # fmt: skip
        assert fields.count(fields[0]) == len(fields), key


def test_every_message_is_used_and_every_term_and_status_has_one() -> None:
    root = Path(__file__).parent.parent / "allocator" / "report"
    source = "".join(p.read_text(encoding="utf-8") for p in root.rglob("*") if p.suffix in
                     {".py", ".j2"})  # fmt: skip
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
        "goals": ({"terms": {term: 1.0}} for term in Term),
    }
    changes["goals"] = tuple(changes["goals"])
    before = set(policy_in_words(Policy(), instance, texts))
    policy = Policy.model_validate(changes)
    said = " ".join(set(policy_in_words(policy, instance, texts)) - before)
    for number in ("50", "7", "14", "3", "11", "35", "21", "41", "31", "32", "33", "111", "112"):
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


# Map


def test_bubbles_keep_apart_and_inside() -> None:
    rng = np.random.default_rng(1)
    size = rng.pareto(1.2, 300) * 20
    layout = lay_out(
        rng.uniform(58, 71, 300), rng.uniform(5, 30, 300), size, width=820, height=1000
    )
    between = np.hypot(layout.x[:, None] - layout.x, layout.y[:, None] - layout.y)
    overlap = layout.radius[:, None] + layout.radius - between
    np.fill_diagonal(overlap, 0)
    assert overlap.max() < 1.0
    assert (layout.x - layout.radius >= 0).all()
    assert (layout.y + layout.radius <= layout.height + 1e-9).all()
    assert (np.diff(layout.radius[np.argsort(size)]) >= 0).all()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_places_at_the_same_spot_are_told_apart(count: int) -> None:
    same = np.full(count, 60.0)
    layout = lay_out(same, same / 6, np.full(count, 10.0), width=820, height=1000)
    spots = {(round(x, 1), round(y, 1)) for x, y in zip(layout.x, layout.y, strict=True)}
    assert len(spots) == count


def test_nobody_asked_has_a_map_too() -> None:
    instance, _, plan = case()
    quotas = plan.quotas.assign(quota=0, ratio=0.0, asked=False)
    drawn = report(instance, with_tables(plan, quotas=quotas), format="svg").decode()
    assert drawn.count(f'fill="{NOT_ASKED}" stroke') == 4  # three bubbles and the legend


def test_the_projection_puts_north_up_and_shrinks_towards_the_pole() -> None:
    x, y = transverse_mercator(np.array([60.0, 70.0, 60.0, 70.0]), np.array([5.0, 5.0, 25.0, 25.0]))
    assert y[1] > y[0]
    assert x[2] - x[0] > x[3] - x[1] > 0
    # Ten degrees of latitude are ten degrees of arc, up to a small stretch.
    assert y[1] - y[0] == pytest.approx(np.radians(10), rel=0.03)
    across = transverse_mercator(np.array([0.0, 0.0]), np.array([179.0, -179.0]))[0]
    assert np.ptp(across) == pytest.approx(np.radians(2), rel=1e-3)


def test_every_ratio_has_one_class() -> None:
    for ratio in (0.0, 0.4999, 0.5, 0.8, 0.95, 1.0, 1.05, 1.25, 2.0, 1e9):
        assert sum(one.holds(ratio) for one in CLASSES) == 1
    assert colour_of(0, 0.0) == NOT_ASKED
    assert colour_of(5, None) == colour_of(5, float("nan")) == NO_SHARE
    assert colour_of(5, 1.0) == CLASSES[3].colour


def test_the_map_is_svg_and_png() -> None:
    instance, plan = named(HOSTILE)
    svg = report(instance, plan, format="svg")
    root = ET.fromstring(svg)  # noqa: S314 - our own file
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"alert(1)&lt;/script&gt;" in svg
    png = report(instance, plan, format="png")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) > 5_000


# Workbook


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_holds_the_numbers_of_the_plan(language: str) -> None:
    instance, _, plan = case()
    texts = Texts(language)
    found = sheets(report(instance, plan, format="xlsx", language=language))
    names = ("totals", "quotas", "measures", "capacity", "policy")
    assert list(found) == [texts(f"sheet.{name}") for name in names]
    head, *rows = found[texts("sheet.quotas")]
    column = {name: [row[head.index(texts(f"table.{name}"))] for row in rows] for name in
              ("municipality_id", "county_id", "quota", "fair_share", "ratio")}  # fmt: skip
    assert column["municipality_id"] == ["0101", "0201", "0301"]
    assert column["county_id"] == ["01", "02", "03"]
    for name in ("quota", "fair_share", "ratio"):
        assert column[name] == pytest.approx(plan.quotas[name].tolist())
    totals = {row[0]: row[1] for row in found[texts("sheet.totals")][1:]}
    assert totals[texts("totals.target")] == 60
    assert totals[texts("totals.cost")] == 170
    assert totals[texts("fairness.moved_share")] == pytest.approx(5 / 60)
    measures = found[texts("sheet.measures")][1:]
    assert sum(row[-1] for row in measures) == 170
    capacity = found[texts("sheet.capacity")][1:]
    assert [row[5] for row in capacity] == pytest.approx(plan.capacity["used"].tolist())
    said = [row[1] for row in found[texts("sheet.policy")][1:]]
    assert said[: len(said) - 3] == policy_in_words(plan.policy, instance, texts)


def test_text_in_the_workbook_never_becomes_a_formula() -> None:
    for names in (HOSTILE[:3], HOSTILE[3:6], HOSTILE[4:7]):
        instance, plan = named(names)
        content = report(instance, plan, moved(plan), format="xlsx")
        book = openpyxl.load_workbook(io.BytesIO(content))
        cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
        assert {cell.data_type for cell in cells} <= {"s", "n"}
        assert all(cell.hyperlink is None for cell in cells)
        # What was read is the instance's name: blanks around a name are cut when it is loaded.
        texts = {cell.value for cell in cells if cell.data_type == "s"}
        assert set(plan.quotas["name"]) <= texts


def test_missing_figures_are_blank_cells() -> None:
    instance, _, plan = case()
    quotas = plan.quotas.assign(fair_share=[0.0, 30.0, 30.0], ratio=[np.nan, 0.5, 35 / 30])
    found = sheets(report(instance, with_tables(plan, quotas=quotas), format="xlsx"))
    head, first, *_ = found["Municipalities"]
    assert first[head.index("Ratio")] is None


# All of it


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
    assert families["0101"] == ("housing", "health")
    assert families["0201"] == ("housing", "education")
    assert families["0301"] == ("housing", "education")


# The command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    instance, _, plan = case()
    source = write(instance, tmp_path / "instance")
    return write_plan(remembering(plan, source), tmp_path / "plan")


STARTS: dict[str, Callable[[bytes], bool]] = {
    "html": lambda content: content.startswith(b"<!DOCTYPE html>"),
    "xlsx": lambda content: content.startswith(b"PK"),
    "svg": lambda content: content.startswith(b"<svg "),
    "png": lambda content: content.startswith(b"\x89PNG"),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_command_writes_what_the_name_says(folder: Path, kind: str) -> None:
    out = folder.parent / "new" / f"file.{kind}"
    assert run("report", folder, "--out", out, "--lang", "nb").exit_code == Exit.DONE
    assert STARTS[kind](out.read_bytes())


def test_the_command_takes_another_plan_and_a_format(folder: Path) -> None:
    out = folder.parent / "page.txt"
    result = run("report", folder, folder, "--format", "html", "--out", out)
    assert result.exit_code == Exit.DONE
    assert "No municipality gets another quota." in out.read_text(encoding="utf-8")


def test_an_existing_file_is_kept_unless_told_otherwise(folder: Path) -> None:
    out = folder.parent / "kept.html"
    out.write_text("mine")
    result = run("report", folder, "--out", out)
    assert result.exit_code == Exit.USAGE
    assert out.read_text() == "mine"
    assert run("report", folder, "--out", out, "--overwrite").exit_code == Exit.DONE
    assert out.read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "report.pdf"], "does not say the format"),
        (["--out", "x.html", "--format", "pdf"], "html, xlsx, svg, png"),
        (["--out", "x.html", "--lang", "sv"], "en, nb"),
    ],
)
def test_what_cannot_be_written_is_a_usage_error(
    folder: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    result = run("report", folder, *arguments)
    assert result.exit_code == Exit.USAGE
    assert said in result.stderr
    assert not list(folder.parent.glob("*.html"))
