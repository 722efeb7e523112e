"""The one CSV writer: what it writes is read back, and no spreadsheet runs it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.contacts.export_csv import FORMULA_STARTS, make_safe, write_csv

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=5))
def test_every_cell_is_read_back_but_for_the_mark_of_a_formula(rows: list[list[str]]) -> None:
    text = "".join(write_csv(["a", "b"], rows)).removeprefix("\ufeff")
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]


@given(st.sampled_from(FORMULA_STARTS), CELL)
def test_no_cell_begins_a_formula(start: str, rest: str) -> None:
    safe = make_safe(start + rest)
    assert safe.startswith("'") or safe.lstrip("+-").replace(".", "").replace(",", "").isdigit()


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("=cmd()", "'=cmd()"),
        (" =cmd()", "' =cmd()"),
        ("-5", "-5"),
        ("+49 30", "'+49 30"),
        (-1.5, "-1.5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("plain", "plain"),
        (None, ""),
        (["a", "b"], "a;b"),
        (True, "yes"),
    ],
)
def test_formulas_are_marked_and_numbers_are_not(cell: object, text: str) -> None:
    assert make_safe(cell) == text
