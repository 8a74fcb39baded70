"""`ppsconsole why` and `ppsconsole gauges` on a real cluster whose backup has become old."""

import json
import subprocess

from tests.lab.conftest import Lab, wait_for
from tests.lab.test_status import run, until


def answered(*arguments: str, exit_code: int = 0, says: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a command until it ends and speaks so: on a busy machine a single look may be left without an answer."""
    tried: list[subprocess.CompletedProcess[str]] = []

    def is_answered() -> bool:
        tried.append(run(*arguments))
        return tried[-1].returncode == exit_code and says in tried[-1].stdout

    wait_for(is_answered, f"{arguments} ends with {exit_code} and says {says!r}", 60)
    return tried[-1]


def test_an_old_backup_is_judged_explained_and_drawn(lab: Lab) -> None:
    asked = ("-i", str(lab.inventory))
    until(lab.inventory, 0)
    done = answered(*asked, "gauges", says="● ok   >90%")
    lines = {line.split("  ")[0].strip(): line for line in done.stdout.splitlines()}
    assert "<1h" in lines["backup nightly"]
    assert "2 of 2" in done.stdout
    assert "● ok" in next(line for line in done.stdout.splitlines() if line.startswith("login "))
    assert lab.command("fault", "old-backup", "--dir", str(lab.folder), "db2").returncode == 0
    try:
        until(lab.inventory, 5, "the newest backup is 3d old")
        done = answered(*asked, "why", "--json", exit_code=5)
        (told,) = json.loads(done.stdout)["why"]
        assert told["reasons"][0]["rule"] == "backup_age_s"
        assert told["reasons"][0]["facts"]["nightly.backup_file"]["value"] == "pps-nightly.dump"
        chart = run(*asked, "gauges", "backup nightly", "--for", "6", "--ascii")
        assert "warns from 26h on" in chart.stdout
        assert chart.stdout.isascii()
        assert run(*asked, "gauges", "no such").returncode == 2
    finally:
        assert lab.command("heal", "--dir", str(lab.folder), "db2").returncode == 0
    until(lab.inventory, 0)
    answered(*asked, "why", says="nothing to explain")
