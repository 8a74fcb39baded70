"""SIGKILL of a console before and after records of its journal; another process goes on, and every act happened once."""

import json
import os
import subprocess
import sys

import pytest

from tests.engine.plans import PLANS

SEED = "2026-11-24"
SEED_VARIABLE = "PPSCONSOLE_TEST_KILL_SEED"
"""Draws other moments, for whoever wants more of them; `python -m tests.engine.killed` goes through all."""


def killed(root, *words: str) -> list[dict]:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.engine.killed", *words], capture_output=True, text=True, cwd=root, timeout=600
    )
    assert ended.returncode == 0, f"{words}: {ended.stderr}"
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_killed_before_and_after_records_of_every_plan_then_taken_up_again(root) -> None:
    plans = killed(root, "--count", "3", "--seed", os.environ.get(SEED_VARIABLE, SEED))
    assert [each["plan"] for each in plans] == list(PLANS)
    assert all(each["killed"] >= each["drawn"] >= 3 for each in plans), plans
    assert 0 < sum(each["before"] for each in plans) < sum(each["drawn"] for each in plans)
    gone_back = {each["plan"] for each in plans if each["backed_out"]}
    assert gone_back == {name for name, plan in PLANS.items() if any(step.is_undoable for step in plan.steps)}


@pytest.mark.parametrize("plan", ["switchover", "failover-kept-down"])
def test_killed_at_every_record_of_what_moves_the_primary(root, plan: str) -> None:
    [told] = killed(root, plan, "--count", "0")
    assert told["plan"] == plan
    assert told["killed"] >= told["drawn"] == told["moments"] > 100
