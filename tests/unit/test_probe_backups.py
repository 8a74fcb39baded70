"""Backups: the newest file of a folder on a host or here, its age, its size, and whether the key can be had."""

import asyncio
import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.clock import HeldClock
from ppsconsole.cluster.facts import CLUSTER_SUBJECT, Fact, Observations, backup_subject
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.cluster.verdicts import Verdict
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.probes.backups import BackupKeyProbe, LocalBackupProbe, backup_part, newest_file, parse_backup
from ppsconsole.probes.compose import compose
from tests.unit.observations import NOW, facts, inventory, observe

HOUR = 3600.0


def put(folder: Path, name: str, age_s: float, size: int = 7) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


def asked(path: Path) -> dict[str, Any]:
    """Return what a host's shell answers, with the host's clock held at `NOW`."""
    command = backup_part(Backup("b", str(path), "db1"), 30.0).command
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    first, _, rest = done.stdout.partition("\n")
    assert first.isdigit()
    return parse_backup(CommandResult(0, f"{NOW:.0f}\n{rest}", done.stderr, 0.0))


def both(path: Path) -> dict[str, Any]:
    remote, local = asked(path), newest_file(str(path), NOW)
    assert remote == local
    return remote


def test_the_newest_file_counts_also_in_folders_of_its_own(tmp_path: Path) -> None:
    put(tmp_path, "old.dump", 90 * HOUR)
    put(tmp_path, "2026/with a blank 'and a quote.dump", 3 * HOUR, 11)
    put(tmp_path, "2026/.partial.dump", 1.0)
    put(tmp_path, "a/b/c/too-deep.dump", 1.0)
    assert both(tmp_path) == {
        "backup": "ok",
        "backup_age_s": 3 * HOUR,
        "backup_bytes": 11,
        "backup_file": "with a blank 'and a quote.dump",
    }


def bundle(folder: Path, name: str, size: int = 5, *, is_finished: bool = True) -> Path:
    made = folder / name
    made.mkdir(parents=True)
    (made / "database.dump.age").write_bytes(b"x" * size)
    if is_finished:
        (made / "manifest.json").write_text("{}")
    return made


def test_a_bundle_is_one_backup_as_old_as_its_name_says(tmp_path: Path) -> None:
    stamp = datetime.fromtimestamp(NOW - 2 * HOUR, UTC)
    name = f"pps-{stamp:%Y%m%dT%H%M%SZ}-0a1b2c3d"
    bundle(tmp_path, name, 98)
    bundle(tmp_path, "pps-20200101T000000Z-aaaa")
    bundle(tmp_path, "pps-20990101T000000Z-bbbb", is_finished=False)  # no manifest: nobody finished it
    put(tmp_path, "built-in.bak", 3 * HOUR)
    put(tmp_path, f"{name}/settings.tar.age", 1.0, 0)  # what is in it does not count by itself, nor does when it was copied
    expected = {"backup": "ok", "backup_age_s": 2 * HOUR, "backup_bytes": 100, "backup_file": name}
    assert both(tmp_path) == expected
    put(tmp_path, "fresher.bak", HOUR, 3)
    assert both(tmp_path) == {**expected, "backup_age_s": HOUR, "backup_bytes": 3, "backup_file": "fresher.bak"}


def test_what_is_hidden_is_no_backup_and_is_told(tmp_path: Path) -> None:
    hidden = (".aside-pps-20260102T030405Z-aaaa", ".part-pps-20260102T030405Z-bbbb")
    for name in hidden:
        bundle(tmp_path, name)
    bundle(tmp_path, ".part-of-something-else")
    assert both(tmp_path) == {"backup": "empty", "backup_aside": hidden}


def test_a_look_at_one_place_leaves_the_shell_where_it_was(tmp_path: Path) -> None:
    bundle(tmp_path, "pps-20200101T000000Z-aaaa")
    command = backup_part(Backup("b", str(tmp_path), "db1"), 30.0).command
    done = subprocess.run(["sh", "-c", f"cd /; {command}; pwd"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "/"


def test_a_folder_that_is_not_there_or_has_nothing_in_it(tmp_path: Path) -> None:
    assert both(tmp_path / "gone") == {"backup": "missing"}
    assert both(tmp_path) == {"backup": "empty"}


def test_a_file_of_the_future_is_not_fresher_than_now(tmp_path: Path) -> None:
    put(tmp_path, "ahead.dump", -HOUR)
    assert both(tmp_path)["backup_age_s"] == 0.0


def test_what_could_not_be_looked_through_is_not_known() -> None:
    assert parse_backup(CommandResult(0, "1795000000\n99999999999 0 too-many\n", "", 3.0)) == {"backup": "too-many"}
    with pytest.raises(ValueError, match="invalid literal"):
        parse_backup(CommandResult(0, "sh: date: not found", "", 0.0))


def test_a_folder_on_this_machine_is_read_without_a_host(tmp_path: Path) -> None:
    put(tmp_path, "pps.dump", 2 * HOUR)
    probe = LocalBackupProbe(inventory(), Backup("here", str(tmp_path)), HeldClock(NOW))
    found = {fact.name: fact for fact in asyncio.run(probe.read())}
    assert found["backup_age_s"].value == 2 * HOUR
    assert found["backup"].subject == "backup:here"


def test_the_key_is_tried_and_not_kept(tmp_path: Path) -> None:
    good = tmp_path / "key"
    good.write_text("the-key-itself")
    good.chmod(0o600)
    backups = {
        "a": Backup("a", "/x", "db1", SecretRef("file", str(good))),
        "b": Backup("b", "/x", "db1", SecretRef("file", str(tmp_path / "none"))),
        "c": Backup("c", "/x", "db1"),
    }
    found = asyncio.run(BackupKeyProbe(inventory(backups=backups), HeldClock(NOW)).read())
    assert [(fact.subject, fact.value) for fact in found] == [("backup:a", "ok"), ("backup:b", "no-secret")]
    assert "the-key-itself" not in repr(found)
    assert "No such file" in found[1].detail


def seen(**values: Any) -> Snapshot:
    """Return a healthy cluster with one place for backups about which `values` are known."""
    declared = inventory(backups={"vault": Backup("vault", "/srv/vault", "db1", SecretRef("env", "KEY"))})
    known = (Fact(backup_subject("vault"), name, value, "db1 over SSH", NOW, 99.0) for name, value in values.items())
    return compose(declared, Observations(observe(facts())._facts).having(known), NOW)


def gauge(shown: Snapshot, name: str) -> tuple[str, Verdict]:
    found = next(each for each in shown.gauges if each.name == name)
    return found.text, found.verdict


@pytest.mark.parametrize(
    ("values", "text", "verdict", "rules"),
    [
        ({"backup": "ok", "backup_age_s": 25 * HOUR, "backup_bytes": 9}, "25h", Verdict.OK, []),
        ({"backup": "ok", "backup_age_s": 120.0, "backup_bytes": 9, "backup_key": "ok"}, "<1h", Verdict.OK, []),
        ({"backup": "ok", "backup_age_s": 26 * HOUR, "backup_bytes": 9}, "26h", Verdict.WARN, ["backup_age_s"]),
        ({"backup": "ok", "backup_age_s": 96 * HOUR, "backup_bytes": 0}, "4d", Verdict.WARN, ["backup_age_s", "backup_bytes"]),
        ({"backup": "missing"}, "missing", Verdict.WARN, ["backup"]),
        ({"backup": "empty"}, "none", Verdict.WARN, ["backup"]),
        ({"backup": "ok", "backup_age_s": 1.0, "backup_key": "no-secret"}, "<1h", Verdict.OK, ["backup_key"]),
        ({}, "unknown", Verdict.UNKNOWN, []),
    ],
)
def test_backups_are_judged_against_their_age_and_never_as_down(
    values: dict[str, Any], text: str, verdict: Verdict, rules: list[str]
) -> None:
    shown = seen(**values)
    assert gauge(shown, "backup vault") == (text, verdict)
    assert [each.rule for each in shown.judgements] == rules
    assert all(each.verdict is Verdict.WARN for each in shown.judgements)
    told = shown.as_json()["facts"]
    assert {name.removeprefix("vault.") for name in told if name.startswith("vault.")} == set(values)


@pytest.mark.parametrize(
    ("licensed", "stopped", "expected"),
    [
        (None, 0, None),
        (2, 0, ("2 of 2", Verdict.OK)),
        (1, 0, ("2 of 1", Verdict.WARN)),
        (1, 1, ("1 of 1", Verdict.OK)),
        (1, None, ("unknown", Verdict.UNKNOWN)),
    ],
)
def test_the_licence_counts_the_servers_that_run(licensed: int | None, stopped: int | None, expected: Any) -> None:
    declared = inventory()
    declared = replace(declared, cluster=replace(declared.cluster, licensed_servers=licensed))
    found = facts()
    if stopped != 0:
        found["node:pps2", "service"] = None if stopped is None else "stopped"
        found |= {("node:pps2", "http"): None, ("node:pps2", "tcp"): "timed-out" if stopped is None else "refused"}
    shown = compose(declared, observe(found), NOW)
    gauges = {each.name: (each.text, each.verdict) for each in shown.gauges}
    assert gauges.get("licence") == expected
    is_over = expected is not None and expected[1] is Verdict.WARN
    assert ("servers_running" in [each.rule for each in shown.judgements]) is is_over
    assert shown.facts["servers_running"].subject == CLUSTER_SUBJECT
