"""Make the page: one HTML file that needs nothing else."""

import base64
import hashlib
from typing import Any

from markupsafe import Markup

from allocator.fairness import GroupFairness
from allocator.language import Texts
from allocator.report import charts, tables
from allocator.report.classes import CLASSES
from allocator.report.figures import Figures
from allocator.report.map import class_name, draw_map
from allocator.report.templating import resource, templates
from allocator.report.words import goals_in_words, policy_in_words

MOVERS = 20
"""Rows of the table of largest differences."""
EXTREMES = 7
"""Rows of the tables of largest and smallest ratios."""
_SECTIONS = (
    ("totals", "totals.heading"),
    ("map", "map.heading"),
    ("fairness", "fairness.heading"),
    ("binding", "binding.heading"),
    ("measures", "measures.heading"),
    ("goals", "goals.heading"),
    ("other", "other.heading"),
    ("municipalities", "table.heading"),
    ("policy", "policy.heading"),
    ("sources", "sources.heading"),
)


def page(figures: Figures, texts: Texts) -> str:
    """Return the report as HTML.

    Styles, script and pictures are inside; a content security policy forbids the browser to
    fetch anything and to run any script but the report's own.
    """
    script = resource("page.js")
    # The browser hashes what stands between the tags, line ends included.
    digest = hashlib.sha256(f"\n{script}\n".encode()).digest()
    template = templates().get_template("report.html.j2")
    plan, instance = figures.plan, figures.instance
    return template.render(
        t=texts,
        instance=instance,
        plan=plan,
        fairness=figures.fairness,
        title=f"{texts('page.title', year=str(instance.year))} – {instance.title}",
        lead=_lead(figures, texts),
        sections=[
            (name, texts(heading))
            for name, heading in _SECTIONS
            if name != "other" or figures.other is not None
        ],
        cards=_cards(figures, texts),
        summary=_summary(figures, texts),
        map=draw_map(figures, texts),
        charts=_charts(figures, texts),
        **_distribution(figures, texts),
        **_capacities(figures, texts),
        goal_rows=tables.goal_rows(plan, texts),
        other=_other(figures, texts),
        towns=list(tables.towns(figures, texts)),
        town_columns=[
            (name, texts(f"table.{name}"), name in tables.TEXT_COLUMNS)
            for name in tables.town_columns(figures)
        ],
        counties=sorted(set(figures.municipalities["county"])),
        policy=policy_in_words(plan.policy, instance, texts),
        goals=goals_in_words(plan.policy, texts),
        footer=_footer(figures, texts),
        link=_link,
        style=Markup(resource("style.css")),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(digest).decode(),
    )


def _link(path: str) -> Markup | str:
    """Return a link to a source, or plain text where it is no web address."""
    if path.startswith(("https://", "http://")):
        return Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(path)
    return path


def _lead(figures: Figures, texts: Texts) -> str:
    totals = figures.totals
    lead = texts(
        "page.subtitle",
        target=texts.number(totals.target),
        municipalities=texts.number(totals.municipalities),
    )
    return f"{lead}. {texts('page.compared')}" if figures.other is not None else lead


def _cards(figures: Figures, texts: Texts) -> list[dict[str, str]]:
    totals, plan = figures.totals, figures.plan
    currency = figures.instance.currency
    budget = (
        texts("totals.no_budget")
        if totals.budget is None
        else texts("totals.of", whole=texts.money(totals.budget, currency))
    )
    gap = texts("totals.not_proven") if plan.gap is None else texts.percent(plan.gap, 2)
    persons, whole = texts("totals.persons"), texts.number(totals.municipalities)
    cards = (
        ("target", texts.number(totals.target), persons),
        ("placed", texts.number(totals.placed), persons),
        ("shortfall", texts.number(totals.shortfall), persons),
        ("asked", texts.number(totals.asked), texts("totals.of", whole=whole)),
        ("cost", texts.money(totals.cost, currency), budget),
        ("gap", gap, "" if plan.gap is None else texts("totals.gap_note")),
    )
    return [
        {"label": texts(f"totals.{name}"), "figure": figure, "note": note}
        for name, figure, note in cards
    ]


def _summary(figures: Figures, texts: Texts) -> list[str]:
    totals, measured = figures.totals, figures.fairness
    numbers = {
        name: texts.number(getattr(totals, name))
        for name in ("target", "placed", "shortfall", "asked", "municipalities")
    }
    key = "page.summary_short" if totals.shortfall > 0 else "page.summary_all"
    said = [texts(key, **numbers)]
    if measured.ratio is not None and measured.moved_share is not None:
        said.append(
            texts(
                "page.summary_fair",
                lower=texts.number(measured.ratio.lower, 2),
                upper=texts.number(measured.ratio.upper, 2),
                moved=texts.percent(measured.moved_share),
            )
        )
    cost = texts.money(totals.cost, figures.instance.currency)
    bought = len(figures.measures) > 0
    said.append(
        texts("page.summary_bought", cost=cost) if bought else texts("page.summary_nothing")
    )
    return [*said, texts("page.verified")]


def _charts(figures: Figures, texts: Texts) -> dict[str, Markup | None]:
    return {
        "ratio": charts.ratio_chart(figures, texts),
        "centrality": charts.centrality_chart(figures, texts)
        if figures.fairness.by_centrality
        else None,
        "county": charts.county_chart(figures, texts),
        "binding": charts.binding_chart(figures, texts) if len(figures.capacity) else None,
    }


def _distribution(figures: Figures, texts: Texts) -> dict[str, Any]:
    towns, measured = figures.municipalities, figures.fairness
    asked = towns[(towns["quota"] > 0) & towns["ratio"].notna()]
    counts = [(texts("ratio.not_asked"), int((towns["quota"] <= 0).sum()))]
    counts += [
        (class_name(one, texts), int(asked["ratio"].map(one.holds).sum())) for one in CLASSES
    ]
    without = int(((towns["quota"] > 0) & towns["ratio"].isna()).sum())
    if without:
        counts.append((texts("ratio.no_share"), without))
    headings = ("municipalities", "population", "quota", "fair_share", "ratio", "per_1000")

    def rows(groups: tuple[GroupFairness, ...], names: list[str]) -> list[list[str]]:
        return [
            [
                name,
                texts.number(group.municipalities),
                texts.number(group.population),
                texts.number(group.quota),
                texts.number(group.fair_share, 1),
                texts.number(group.ratio, 2),
                texts.number(group.per_1000, 2),
            ]
            for name, group in zip(names, groups, strict=True)
        ]

    classes = [texts("fairness.class", number=g.group) for g in measured.by_centrality]
    return {
        "ratio_rows": [[label, texts.number(count)] for label, count in counts],
        "extreme_headings": [texts(f"table.{name}") for name in ("name", "quota", "ratio")],
        "most_rows": tables.extreme_rows(figures, EXTREMES, texts, ascending=False),
        "least_rows": tables.extreme_rows(figures, EXTREMES, texts, ascending=True),
        "group_headings": ["", *(texts(f"table.{name}") for name in headings)],
        "centrality_rows": rows(measured.by_centrality, classes),
        "county_rows": rows(measured.by_county, [g.name for g in measured.by_county]),
        "fairness_rows": tables.fairness_rows([measured], texts),
    }


def _capacities(figures: Figures, texts: Texts) -> dict[str, Any]:
    families = list(dict.fromkeys(figures.capacity["family"]))
    bound = figures.bound_by_county
    counts = {(r["county_id"], r["family"]): r["bound"] for r in bound.to_dict("records")}
    counties = bound.drop_duplicates("county_id")
    names = zip(counties["county_id"], counties["county"], strict=True)
    intro = texts(
        "measures.intro",
        steps=texts.number(figures.measures["steps"].sum()),
        cost=texts.money(figures.totals.cost, figures.instance.currency),
    )
    return {
        "family_headings": [texts.known("family", family) for family in families],
        "binding_rows": [
            [name, *(texts.number(counts[number, family]) for family in families)]
            for number, name in names
        ],
        "capacity_rows": tables.capacity_rows(figures, texts),
        "measure_rows": tables.measure_rows(figures, texts),
        "measures_intro": intro,
    }


def _other(figures: Figures, texts: Texts) -> dict[str, Any] | None:
    other, measured = figures.other, figures.other_fairness
    if other is None or measured is None:
        return None
    instance, difference = figures.instance, figures.municipalities["difference"]
    changed = int((difference != 0).sum())
    # Where the totals differ, the rest of the change is more or fewer persons, not other places.
    gained, lost = difference.clip(lower=0).sum(), -difference.clip(upper=0).sum()
    moved = texts.number(min(gained, lost))
    intro = texts("other.intro", changed=texts.number(changed), moved=moved)
    return {
        "intro": intro if changed else texts("other.same"),
        "totals": tables.total_rows([figures.plan, other], instance.currency, texts),
        "fairness": tables.fairness_rows([figures.fairness, measured], texts),
        "movers": tables.mover_rows(figures, MOVERS, texts),
        "policy": policy_in_words(other.policy, instance, texts),
        "goals": goals_in_words(other.policy, texts),
    }


def _footer(figures: Figures, texts: Texts) -> str:
    plan = figures.plan
    versions = ", ".join(f"{name} {version}" for name, version in sorted(plan.versions.items()))
    return texts(
        "page.footer", id=plan.instance.id, sha=plan.instance.sha256[:16], versions=versions
    )
