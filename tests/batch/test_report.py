"""`allocator batch report` writes a page that needs nothing else, and says what it cannot."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from allocator import batch
from allocator.batch.analysis import charts
from allocator.batch.asked import Asked
from allocator.batch.spec import Settings
from allocator.cli import Exit, app
from allocator.loading import load
from allocator.sensitivity.charts import drawn
from allocator.writing import write
from tests.batch.fabricated import Answer, fabricated
from tests.pages import HOSTILE, Page

BEDS, COST = "dwellings.dwellings *=", "measures.cost_per_step *="
RANGES = {BEDS: [0.5, 1.0], COST: [1.0, 2.0]}


def spec_of(design: dict[str, Any], **more: Any) -> batch.Spec:
    data = {"title": "Homes", "instances": ["tiny-measures"], "design": design} | more
    return batch.spec_from(data)


GRID = spec_of({"grid": {"target": list(range(60, 160, 10)), "key.name": ["population", "nrw"]}})
SOBOL = spec_of({"grid": {"step": [1, 5]}, "sobol": {"samples": 16, "ranges": RANGES}})


def told(asked: Asked, settings: Settings) -> Answer:
    if asked.number == 3:
        return "WorkerLost: gone"
    weight = float(settings.get(BEDS, 1)) * 40 + float(settings.get("target", 0)) / 5
    word = 10 * (settings.get("key.name") == "nrw")
    return {
        "shortfall": weight,
        "cost": 2e6 * weight,
        "quotas": {"0101": int(weight), "0201": word},
    }


def invoke(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["batch", "report", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def tables_of(text: str) -> dict[str, list[list[str]]]:
    """Return the cells of every table of a page by its caption, as text."""
    found = {}
    for table in re.findall(r"<table>.*?</table>", text, re.DOTALL):
        (caption,) = re.findall(r"<caption[^>]*>(.*?)</caption>", table)
        found[caption] = [
            re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
            for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        ]
    return found


@pytest.mark.parametrize("spec", [GRID, SOBOL], ids=["grid", "sobol"])
def test_the_page_is_whole_and_fetches_nothing(tmp_path: Path, spec: batch.Spec) -> None:
    found = batch.analyse(fabricated(tmp_path / "out", spec, told))
    text = found.page()
    page = Page(text)
    assert page.wrong == page.open == []
    assert text.startswith("<!DOCTYPE html>")
    tags = [tag for tag, _ in page.tags]
    assert not {"script", "img", "iframe", "object", "form"} & set(tags)
    assert page.all("src") == []
    assert all(one.startswith("#") for one in page.all("href"))
    ids = page.all("id")
    assert {one.removeprefix("#") for one in page.all("href") if one != "#"} <= set(ids)
    (policy,) = [
        a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    words = " ".join(page.words)
    assert "without a plan: 1 case: WorkerLost: gone" in words
    indices = spec is SOBOL
    assert ("no indices at step=1: of 64 cases 1 have no plan" in words) == indices
    assert ("step=5" in words) == indices
    # An input each, quotas, the heat map, and one sample with indices.
    assert tags.count("svg") == len(found.inputs) + 2 + indices


def test_tables_can_be_copied_and_are_those_of_the_analysis(tmp_path: Path) -> None:
    found = batch.analyse(fabricated(tmp_path / "out", GRID, told))
    tables = tables_of(found.page())
    head, *rows = tables["Quotas of tiny-measures"]
    assert head == [name for name in found.quotas if name != "instance"]
    quotas = pd.DataFrame(rows, columns=head).set_index("municipality_id")
    for name in ("min", "q10", "q50", "q90", "max", "population"):
        expected = found.quotas.set_index("municipality_id")[name].tolist()
        assert quotas[name].map(float).tolist() == pytest.approx(expected, rel=1e-6)
    head, *rows = tables["Response curves of tiny-measures"]
    assert len(rows) == len(found.curves)
    costs = [row[head.index("q50")] for row in rows if row[head.index("result")] == "cost"]
    assert costs[0] == "104000000"  # no separators, no powers of ten
    head, *rows = tables["What hangs on what in tiny-measures"]
    assert [row[:3] for row in rows] == [
        ["0101", "Alder", "target"],
        ["0201", "Birch", "key.name"],
    ]
    assert rows[1][head.index("highest_at")] == "nrw"


def test_words_of_others_are_shown_as_words(tmp_path: Path) -> None:
    country = load("tiny-measures")
    names = pd.Series(list(HOSTILE[:3]), dtype="str")
    write(
        country.replace(municipalities=country.municipalities.assign(name=names)), tmp_path / "in"
    )
    spec = spec_of({"grid": {"target": list(range(60, 80))}}, instances=[str(tmp_path / "in")])
    spec = spec.model_copy(update={"title": "<b>bold</b> & more"})

    def hostile(asked: Asked, settings: Settings) -> Answer:
        if asked.number == 0:
            return "<script>alert(2)</script>"
        return {"quotas": {"0101": asked.number}}

    page = Page(batch.analyse(fabricated(tmp_path / "out", spec, hostile)).page())
    assert not {"script", "b"} & {tag for tag, _ in page.tags}
    words = " ".join(page.words)
    assert "<b>bold</b> & more" in words
    assert "<script>alert(1)</script>" in words
    assert "<script>alert(2)</script>" in words


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_batch_that_has_just_begun_has_a_page(tmp_path: Path, count: int) -> None:
    found = batch.analyse(fabricated(tmp_path / "out", SOBOL, told, range(count)))
    page = Page(found.page())
    assert page.wrong == page.open == []
    words = " ".join(" ".join(page.words).split())
    assert f"{count} of 128 cases have an answer: everything below is about those" in words
    assert (count > 0) == ("Figures as a table" in words)


def test_every_result_that_moves_has_a_panel_with_its_values() -> None:
    rows = [
        {
            "input": path,
            "value": value,
            "result": result,
            "q10": q - width,
            "q50": q,
            "q90": q + width,
        }
        | {"cases": 5, "without_plan": 0}
        for path, values in (("target", [60, 80]), ("key.name", ["population", "nrw"]))
        for i, value in enumerate(values)
        for result, q, width in (
            ("shortfall", 10.0 + i, 1),
            ("cost", 2e6 * (1 + i), 1),
            ("asked", 3.0, 0),
        )
    ]
    curves = pd.DataFrame(rows)
    assert charts.moving_results(curves) == ["shortfall", "cost"]
    spec = charts.curve_chart(curves, "target", "NOK").to_dict()
    panels = spec["vconcat"]
    assert [one["title"]["text"] for one in panels] == [
        "persons without a place",
        "cost, million NOK",
    ]
    points = spec["datasets"][panels[1]["data"]["name"]]
    assert [(row["x"], row["q50"]) for row in points] == [(60.0, 2.0), (80.0, 4.0)]
    # The same scale whatever the input is.
    other = charts.curve_chart(curves, "key.name", "NOK").to_dict()["vconcat"]
    domains = [
        one["layer"][-1]["encoding"]["y"]["scale"]["domain"] for one in (panels[0], other[0])
    ]
    assert domains == [[9.0, 12.0]] * 2
    svg = drawn(charts.curve_chart(curves, "key.name", "NOK"), "svg").decode()
    assert "population" in svg
    assert "nrw" in svg


def test_the_command_writes_page_and_tables(tmp_path: Path) -> None:
    fabricated(tmp_path / "out", GRID, told)
    code, said, heard = invoke(tmp_path / "out", "--tables", tmp_path / "tables", "--top", 1)
    assert code == Exit.DONE
    assert "Homes: 20 of 20 cases have an answer" in said
    assert "0101 Alder: target" in said
    assert heard.strip() == f"written to {tmp_path / 'out.html'} and {tmp_path / 'tables'}"
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "The 1 municipalities" in page
    found = batch.analyse(batch.open(tmp_path / "out"))
    assert {path.stem for path in (tmp_path / "tables").iterdir()} == set(found.tables)
    for name, frame in found.tables.items():
        with (tmp_path / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
        assert head == list(frame)
        assert len(rows) == len(frame)
        assert not [cell for row in rows for cell in row if "float64" in cell]
    # What is there is kept, all of it, unless told otherwise.
    (tmp_path / "out.html").unlink()
    (tmp_path / "tables" / "mine.txt").write_text("mine")
    assert invoke(tmp_path / "out", "--tables", tmp_path / "tables")[0] == Exit.USAGE
    assert not (tmp_path / "out.html").exists()
    arguments = (tmp_path / "out", "--tables", tmp_path / "tables", "--overwrite", "--json")
    code, said, _ = invoke(*arguments)
    assert (code, json.loads(said)) == (Exit.DONE, found.as_dict())
    assert (tmp_path / "tables" / "mine.txt").read_text() == "mine"


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    code, said, heard = invoke(tmp_path)
    assert (code, said) == (Exit.INVALID, "")
    assert "there is no manifest.json that can be read" in heard
    fabricated(tmp_path / "out", GRID, lambda *_: "infeasible")
    code, said, _ = invoke(tmp_path / "out", "--out", tmp_path / "page.html")
    assert code == Exit.NOTHING_FOUND
    assert "without a plan: 20 cases: infeasible" in said
    assert (tmp_path / "page.html").exists()
    assert invoke(tmp_path / "out", "--top", 0)[0] == Exit.USAGE


@pytest.mark.enable_socket
def test_a_batch_that_was_run_is_reported(tmp_path: Path) -> None:
    spec = spec_of(
        {"grid": {"target": [90, 200], BEDS: [0.5, 1.0, 1.5]}},
        policy={"step": 5},
        check_fraction=0,
    )
    results = batch.run(spec, tmp_path / "out", workers=1)
    found = batch.analyse(results)
    shortfall = results.summary.set_index("case")["shortfall"]
    curve = found.curves[
        (found.curves["input"] == "target") & (found.curves["result"] == "shortfall")
    ]
    assert curve["q50"].tolist() == [shortfall[:3].median(), shortfall[3:].median()]
    quotas = results.quotas.groupby("municipality_id")["quota"]
    assert found.quotas.set_index("municipality_id")["max"].to_dict() == quotas.max().to_dict()
    assert found.quotas["unvaried"].sum() > 0  # the plan that all cases start from is kept
    assert Page(found.page()).wrong == []
