"""Pages, plans to report, and ways to read what comes out, for the tests of the report."""

import io
from html.parser import HTMLParser
from typing import Any

import openpyxl
import pandas as pd

from allocator.report import report
from models.instance import Instance
from models.plan import InstanceReference, Plan
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
