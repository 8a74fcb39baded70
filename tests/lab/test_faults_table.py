"""The table of what can go wrong: every test that it names exists, and the README has it as it is."""

import ast
from functools import cache
from pathlib import Path

import pytest

from ppsconsole.settings.sheet import renewed
from tests.lab.faults_row import Row
from tests.lab.faults_table import BEGIN, END, markdown, rows


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.fault)
def test_the_test_that_shows_it_exists(root: Path, row: Row) -> None:
    file, _, name = row.test.partition("::")
    name, _, case = name.partition("[")
    tree = parsed(root / file)
    assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    if case:
        texts = {each.value for each in ast.walk(tree) if isinstance(each, ast.Constant)}
        assert case.removesuffix("]") in texts, f"{file} has no such case"


def test_each_fault_is_told_once_in_short_words() -> None:
    faults = [row.fault for row in rows()]
    assert len(set(faults)) == len(faults)
    for row in rows():
        assert row.ends
        assert "|" not in row.fault + row.does + row.ends
        assert len(row.fault) <= 100
        assert len(row.does) <= 110


def test_the_readme_has_the_table_as_it_is(root: Path) -> None:
    text = (root / "README.md").read_text()
    assert renewed(text, BEGIN, END, markdown()) == text, "renew it: python -m tests.lab.faults_table --update README.md"
