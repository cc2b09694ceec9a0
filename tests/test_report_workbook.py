"""The workbook holds the plan's numbers as numbers, and text as text whatever it begins with."""

import io

import numpy as np
import openpyxl
import pytest

from allocator.language import Texts
from allocator.report import LANGUAGES, report
from allocator.report.words import policy_in_words
from tests.hand_made import case, with_tables
from tests.pages import HOSTILE, moved, named, sheets


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
