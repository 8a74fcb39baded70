"""`ppsconsole why` and `ppsconsole gauges` on a real cluster whose backup has become old."""

import json

from tests.lab.conftest import Lab
from tests.lab.test_status import run, until


def test_an_old_backup_is_judged_explained_and_drawn(lab: Lab) -> None:
    asked = ("-i", str(lab.inventory))
    done = run(*asked, "gauges")
    assert done.returncode == 0, done.stderr
    lines = {line.split("  ")[0].strip(): line for line in done.stdout.splitlines()}
    assert "<1h" in lines["backup nightly"]
    assert "2 of 2" in done.stdout
    assert "● ok" in next(line for line in done.stdout.splitlines() if line.startswith("login "))
    assert lab.command("fault", "old-backup", "--dir", str(lab.folder), "db2").returncode == 0
    try:
        until(lab.inventory, 5, "the newest backup is 3d old")
        done = run(*asked, "why", "--json")
        assert done.returncode == 5, done.stderr
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
    assert "nothing to explain" in run(*asked, "why").stdout
