"""The benches still run, with few rounds and without limits: what they measure is theirs to say."""

import re

import pytest

from tests.bench.__main__ import main

_NO_LIMIT = "1e9"


def test_what_the_journal_adds_to_a_step_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["journal", "--rounds", "1", "--steps", "3", "--limit", _NO_LIMIT, "--limit-p99", _NO_LIMIT])
    told = capsys.readouterr().out
    assert code == 0, told
    assert re.search(r"^3 steps, 1 rounds in turns; [\d.]+ records a step$", told, re.MULTILINE)
    assert re.search(r"^ratio +p50 +[\d.]+ .*p99 [\d.]+", told, re.MULTILINE)


def test_what_an_inventory_takes_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["inventory", "--rounds", "1", "--hosts", "20", "--limit", _NO_LIMIT, "--kept-limit", _NO_LIMIT])
    told = capsys.readouterr().out
    assert code == 0, told
    assert re.search(r"^20 hosts, \d+ bytes, \d+ lines, 1 rounds$", told, re.MULTILINE)
    assert len(re.findall(r"^ratio.* limit 1e\+09$", told, re.MULTILINE)) == 2


def test_a_limit_that_is_passed_is_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inventory", "--rounds", "1", "--hosts", "20", "--limit", "0", "--kept-limit", "0"]) == 1
    assert main(["no such bench"]) == 2
    assert "names: fleet" in capsys.readouterr().err
