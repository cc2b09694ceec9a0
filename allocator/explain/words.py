"""An explanation in words, in the languages of the report."""

from collections.abc import Iterator

from allocator.explain.types import Bought, Cause, Change, Explanation, Limit, Similar, Step
from allocator.language import Texts

PACKAGE = "allocator.explain"
"""Where the messages are."""


def in_words(explanation: Explanation, language: str) -> str:
    """Return an explanation as text, one thing a line.

    Parameters
    ----------
    language
        ``nb`` (Norwegian Bokmål) or ``en`` (English).

    Raises
    ------
    ValueError
        If explanations are not written in that language.
    """
    return "\n".join(_lines(explanation, Texts(language, PACKAGE)))


def _lines(explanation: Explanation, texts: Texts) -> Iterator[str]:
    about = {"name": explanation.name, "id": explanation.municipality_id}
    if explanation.quota:
        yield texts("explain.title", **about, quota=texts.number(explanation.quota))
    else:
        yield texts("explain.nobody", **about)
    yield ""
    yield texts("explain.why")
    yield from (f"  {_step(step, explanation, texts)}" for step in explanation.steps)
    yield ""
    yield from _proof(explanation, texts)
    yield ""
    if explanation.limits:
        yield texts("explain.limits")
        yield from (f"  {_limit(limit, texts)}" for limit in explanation.limits)
    else:
        yield texts("explain.no_limits")
    if explanation.bought:
        yield ""
        yield texts("explain.bought")
        yield from (f"  {_bought(one, explanation, texts)}" for one in explanation.bought)
    if explanation.changes:
        yield ""
        yield texts("explain.changes")
        yield from (f"  {line}" for line in _changes(explanation.changes, texts))
    if explanation.unaided is not None:
        yield ""
        yield texts("explain.unaided", quota=texts.number(explanation.unaided.quota))
        yield from (f"  {line}" for line in _changes(explanation.unaided.changes, texts))
    if explanation.similar:
        yield ""
        alike = texts.listed([texts(f"alike.{name}") for name in explanation.alike])
        yield texts("explain.similar", alike=alike)
        yield from (f"  {line}" for line in _similar(explanation, texts))


def _step(step: Step, explanation: Explanation, texts: Texts) -> str:
    persons = texts.number(step.persons, 0 if float(step.persons).is_integer() else 1)
    if step.cause == Cause.POPULATION:
        return texts("cause.population", persons=persons)
    key = texts.known("key", explanation.key)
    about = {
        "key": key,
        "step": texts.number(explanation.step),
        "floor": texts.number(explanation.floor),
    }
    change = texts.number(step.change, 0 if float(step.change).is_integer() else 1, sign=True)
    return f"{_cause(step, texts, about)}: {change} → {persons}"


def _cause(step: Step, texts: Texts, about: dict[str, str]) -> str:
    if step.cause == Cause.OTHERS and step.change:
        return texts("cause.others_more" if step.change > 0 else "cause.others_less")
    if step.cause in set(Cause):
        return texts(f"cause.{step.cause}", **about)
    return texts("cause.family", family=texts.known("family", step.cause))


def _proof(explanation: Explanation, texts: Texts) -> Iterator[str]:
    unique = explanation.unique
    if unique is None:
        yield texts("explain.not_unique")
    elif unique.fewest == unique.most:
        yield texts("explain.unique_exact")
    else:
        fewest, most = texts.number(unique.fewest), texts.number(unique.most)
        yield texts("explain.unique", fewest=fewest, most=most)


def _bought(one: Bought, explanation: Explanation, texts: Texts) -> str:
    about = {"units": texts.number(one.units), "what": _what(one, texts)}
    cost = f"{texts.number(one.cost)} {explanation.currency}"
    return texts("explain.one_bought", **about, cost=cost)


def _changes(changes: tuple[Change, ...], texts: Texts) -> Iterator[str]:
    """Yield what would change the number, a line each, and in one line what would not."""
    yield from (_change(change, texts) for change in changes if change.change)
    nothing = [
        texts("explain.more", units=texts.number(change.units), what=_what(change, texts))
        for change in changes
        if not change.change
    ]
    if nothing:
        yield texts("explain.no_change", listed="; ".join(nothing))


def _what(of: Limit | Change | Bought, texts: Texts) -> str:
    if of.family == Cause.HOUSING:
        words = texts("item.dwellings", beds=of.item)
    elif of.family == Cause.TRANSPORT:
        words = texts("item.seats")
    else:
        words = texts.known("item", of.item, of.name or of.item)
    return words if of.site_id is None else f"{words} ({of.site_id})"


def _limit(limit: Limit, texts: Texts) -> str:
    figures = {
        "used": texts.number(limit.used, 1),
        "capacity": texts.number(limit.capacity, 1),
        "slack": texts.number(limit.slack, 1),
    }
    key = "explain.limit_full" if limit.binding else "explain.limit"
    return texts(key, what=_what(limit, texts), **figures)


def _change(change: Change, texts: Texts) -> str:
    about = {"units": texts.number(change.units), "what": _what(change, texts)}
    if change.confirmed is None:
        said = texts("explain.not_tried")
    else:
        said = texts("explain.confirmed" if change.confirmed else "explain.not_confirmed")
    moved, quota = texts.number(change.change, sign=True), texts.number(change.quota)
    return texts("explain.change", **about, change=moved, quota=quota, confirmed=said)


def _similar(explanation: Explanation, texts: Texts) -> Iterator[str]:
    people, fair = explanation.population, explanation.fair_share
    own = Similar(
        municipality_id=explanation.municipality_id,
        name=explanation.name,
        population=people,
        quota=explanation.quota,
        ratio=explanation.quota / fair if fair > 0 else None,
        per_1000=1000 * explanation.quota / people if people else 0.0,
    )
    for key, one in (
        ("explain.itself", own),
        *(("explain.one_similar", other) for other in explanation.similar),
    ):
        yield texts(
            key,
            name=one.name,
            quota=texts.number(one.quota),
            per_1000=texts.number(one.per_1000, 1),
            ratio=texts.number(one.ratio, 2),
        )
