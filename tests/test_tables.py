"""Tables turn cells into values of their type, refuse what is none, and hash by content."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.columns import TABLES, Column, ColumnType, Table
from models.tables import Tables, empty, fingerprint, typed

SMALL = Table(
    "small",
    "A table for tests.",
    (
        Column("id", ColumnType.ID),
        Column("share", ColumnType.NUMBER, "share", minimum=0.0, maximum=1.0),
        Column("count", ColumnType.INTEGER, "things", positive=True),
        Column("note", ColumnType.TEXT, required=False),
        Column("some", ColumnType.INTEGER, required=False),
        Column("flag", ColumnType.BOOLEAN, required=False, default=True),
    ),
    ("id",),
)
GOOD = {"id": "0301", "share": "0.5", "count": "2", "note": "", "some": "", "flag": ""}


def cells(**changes: str) -> pd.DataFrame:
    return pd.DataFrame([{**GOOD, **changes}], dtype="str")


def test_cells_become_values_and_blanks_their_defaults() -> None:
    frame, problems = typed(SMALL, cells())
    assert problems == []
    row = frame.iloc[0]
    assert (row["id"], row["share"], row["count"]) == ("0301", 0.5, 2)
    assert pd.isna(row["note"])
    assert pd.isna(row["some"])
    assert bool(row["flag"]) is True
    assert [str(kind) for kind in frame.dtypes] == [
        "str",
        "float64",
        "int64",
        "str",
        "Int64",
        "bool",
    ]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("id", ""),
        ("id", "  "),
        ("share", ""),
        ("share", "-0.1"),
        ("share", "1.1"),
        ("share", "nan"),
        ("share", "inf"),
        ("share", "0,5"),
        ("share", "half"),
        ("count", "0"),
        ("count", "1.5"),
        ("count", "1_000"),
        ("count", "1e300"),
        ("some", "x"),
        ("flag", "perhaps"),
    ],
)
def test_a_wrong_cell_is_reported_with_its_place(column: str, cell: str) -> None:
    frame = pd.concat([cells(), cells(**{column: cell})], ignore_index=True)
    _, problems = typed(SMALL, frame)
    found = [(p.table, p.row, p.column, p.value) for p in problems]
    assert found == [("small", 2, column, cell.strip())]


def test_missing_and_unknown_columns_are_reported() -> None:
    frame = cells().drop(columns="share").assign(colour="red")
    frame, problems = typed(SMALL, frame)
    assert [problem.column for problem in problems] == ["share", "colour"]
    assert "colour" not in frame


def test_an_open_table_keeps_indicators_as_numbers_or_text() -> None:
    rows = {column.name: ["1"] for column in TABLES["municipalities"].columns}
    rows |= {"minors_allowed": ["true"], "area": ["12.5"], "region": ["north"]}
    frame, problems = typed(TABLES["municipalities"], pd.DataFrame(rows, dtype="str"))
    assert problems == []
    assert (frame["area"][0], frame["region"][0]) == (12.5, "north")


def test_a_negative_zero_is_zero() -> None:
    frame, _ = typed(SMALL, cells(share="-0.0"))
    assert not np.signbit(frame["share"][0])


@given(st.floats(min_value=0.0, max_value=1.0))
def test_the_shortest_text_of_a_number_reads_back_exactly(value: float) -> None:
    frame, problems = typed(SMALL, cells(share=repr(value)))
    assert problems == []
    assert frame["share"][0] == value


def sites(*ids: str) -> pd.DataFrame:
    rows = {"site_id": ids, "municipality_id": "0301", "name": "x", "transit_seats": "5"}
    return typed(TABLES["sites"], pd.DataFrame(rows, dtype="str"))[0]


def test_the_fingerprint_knows_values_and_not_the_order_of_rows() -> None:
    one, other = Tables({"sites": sites("a", "b")}), Tables({"sites": sites("b", "a")})
    assert fingerprint(one) == fingerprint(other)
    changed = sites("a", "b")
    changed.loc[0, "transit_seats"] = 6.0
    assert fingerprint(Tables({"sites": changed})) != fingerprint(one)


def test_writing_into_a_table_handed_out_changes_a_copy() -> None:
    tables = Tables({"sites": sites("a")})
    frame = tables["sites"]
    frame.loc[0, "name"] = "changed"
    assert tables["sites"]["name"][0] == "x"
    first = empty(TABLES["needs"])
    first["more"] = []
    assert "more" not in empty(TABLES["needs"])


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.integers(-5, 2**60),
            st.floats(width=32),
            st.sampled_from([0.1, 1.0, -0.0, 2.0**53]),
        ),
        max_size=6,
    ),
    st.sampled_from(["float64", "float32", "Float64"]),
)
def test_numbers_are_read_as_their_text_would_be(values: list[float | None], kind: str) -> None:
    numbers = pd.Series(values, dtype="float64").astype(kind)
    text = ["" if pd.isna(value) else repr(float(value)) for value in numbers.tolist()]
    given_numbers, given_text = (
        pd.DataFrame({"id": "0301", "share": column, "count": column, "some": column, "x": column})
        for column in (numbers, pd.Series(text, dtype="str"))
    )
    table = dataclasses.replace(SMALL, open=True)
    frame, problems = typed(table, given_numbers)
    expected, expected_problems = typed(table, given_text)
    pd.testing.assert_frame_equal(frame, expected)
    assert problems == expected_problems


@given(st.lists(st.integers(-5, 2**60), max_size=6))
def test_whole_numbers_are_read_as_their_text_would_be(values: list[int]) -> None:
    for kind in ("int64", "Int64"):
        frame, problems = typed(
            SMALL,
            pd.DataFrame({"id": "0301", "share": 0.5, "count": pd.Series(values, dtype=kind)}),
        )
        expected, expected_problems = typed(
            SMALL,
            pd.DataFrame(
                {"id": "0301", "share": 0.5, "count": pd.Series(map(str, values), dtype="str")}
            ),
        )
        pd.testing.assert_frame_equal(frame, expected)
        assert problems == expected_problems
