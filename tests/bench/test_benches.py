"""The benches still run, with few rounds and without limits: what they measure is theirs to say."""

import importlib
import re

import pytest

from tests.bench.__main__ import BENCHES, main

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


@pytest.mark.parametrize("name", BENCHES)
def test_each_is_there(name: str) -> None:
    assert callable(importlib.import_module(BENCHES[name]).run)


@pytest.mark.parametrize("name", ["kill_everywhere", "partitions", "fault_plays", "faults_remedied", "record_answers"])
def test_what_is_played_by_a_command_is_there(name: str) -> None:
    module = importlib.import_module(f"tests.lab.{name}")
    assert callable(getattr(module, "run", None) or module.main)
