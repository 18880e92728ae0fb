"""Text from outside: whatever arrives, nothing hidden and nothing alive leaves."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.report.inert import csv_cell, visible


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_nothing_that_hides_or_steers_is_left(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown.encode("utf-8")


@given(st.text(alphabet=st.characters(categories=("Lu", "Ll", "Lo", "Nd", "Po")), max_size=40))
def test_plain_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert visible(text, 40) == text


def test_kazakh_and_russian_stay_as_they_are() -> None:
    assert visible("Жаңаөзен Өскемен йод", 40) == "Жаңаөзен Өскемен йод"


def test_a_turned_name_is_spelt_out() -> None:
    assert visible("moc.\u202eknalb", 40) == "moc.<U+202E>knalb"


def test_a_cut_says_how_much_it_cut() -> None:
    assert visible("a" * 1_000_000, 10) == "a" * 10 + "… (+999990)"


def test_a_tower_of_marks_ends() -> None:
    assert visible("e" + "\u0301" * 5, 40) == "e" + "\u0301" * 3 + "<U+0301>" * 2


@given(st.text(max_size=60))
def test_no_cell_is_a_formula_and_every_row_has_its_columns(text: str) -> None:
    line = f"{csv_cell(text, 60)},{csv_cell('end', 60)}\r\n"
    (row,) = csv.reader(io.StringIO(line, newline=""))
    assert len(row) == 2
    assert row[1] == "end"
    assert not row[0].lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)", " =1"])
def test_a_formula_becomes_text(text: str) -> None:
    assert csv_cell(text, 60) == f'"\'{text}"'
