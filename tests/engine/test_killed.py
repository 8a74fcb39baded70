"""SIGKILL of a console after every record of its journal; another process goes on, and every act happened once."""

import json
import subprocess
import sys

import pytest

from tests.engine.scripted import scripted_plan
from tests.engine.test_runner import AFTER


@pytest.mark.parametrize("runbook", ["switchover", "failover"])
def test_killed_after_each_record_then_resumed(tmp_path, root, runbook: str) -> None:
    command = [sys.executable, "-m", "tests.engine.killed", str(tmp_path), runbook, "0"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=300)
    assert ended.returncode == 0, ended.stderr
    stories = [json.loads(line) for line in ended.stdout.splitlines()]
    steps = [step.id for step in scripted_plan(runbook).steps]
    # started, checked, two lines of output, finished; two proofs; the end of the run
    assert len(stories) == 5 * len(steps) + 2 + 1
    for story in stories:
        assert story["verdict"] == "success", story
        assert story["acts"] == steps, f"killed after record {story['record']}"
        assert story["facts"] == AFTER
