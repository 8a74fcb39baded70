"""SIGKILL of a console before and after records of its journal; another process goes on, and every act happened once."""

import json
import os
import subprocess
import sys

from tests.engine.plans import PLANS

SEED = "2026-11-24"
SEED_VARIABLE = "PPSCONSOLE_TEST_KILL_SEED"
"""Draws other moments, for whoever wants more of them; `python -m tests.engine.killed` goes through all."""


def test_killed_before_and_after_records_of_every_plan_then_taken_up_again(root) -> None:
    seed = os.environ.get(SEED_VARIABLE, SEED)
    command = [sys.executable, "-m", "tests.engine.killed", "--count", "3", "--seed", seed]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=600)
    assert ended.returncode == 0, f"with the seed {seed}: {ended.stderr}"
    plans = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each["plan"] for each in plans] == list(PLANS)
    assert all(each["killed"] >= each["drawn"] >= 3 for each in plans), plans
    assert 0 < sum(each["before"] for each in plans) < sum(each["drawn"] for each in plans)
    gone_back = {each["plan"] for each in plans if each["backed_out"]}
    assert gone_back == {name for name, plan in PLANS.items() if any(step.is_undoable for step in plan.steps)}
