"""What sudo allows: the question is put to a real shell, with a sudo that answers as it is told to."""

import os
import subprocess
from pathlib import Path

import pytest

from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Service
from ppsconsole.probes.rights import rights_part

UNIT = Service("systemd", "postgresql@16-main")


def answer(folder: Path, sudo: str) -> CommandResult:
    """Return what a host says whose sudo does this; no sudo where it is empty."""
    for program in ("head", "sh"):
        (folder / program).symlink_to(next(each for each in (f"/usr/bin/{program}", f"/bin/{program}") if os.path.exists(each)))
    if sudo:
        (folder / "sudo").write_text(f"#!/bin/sh\n{sudo}\n")
        (folder / "sudo").chmod(0o755)
    part = rights_part("db1", UNIT)
    assert part is not None
    done = subprocess.run(["/bin/sh", "-c", part.command], env={"PATH": str(folder)}, capture_output=True, text=True, check=False)
    return CommandResult(done.returncode, done.stdout, done.stderr, 0.0)


def denied(folder: Path, sudo: str) -> dict[str, object]:
    part = rights_part("db1", UNIT)
    assert part is not None
    return part.parse(answer(folder, sudo))


def test_a_login_that_may_do_everything(tmp_path: Path) -> None:
    asked = f'echo "$*" >>{tmp_path}/asked; echo /usr/bin/systemctl "$@"'
    assert denied(tmp_path, asked) == {"service_denied": (), "detail": ""}
    wanted = [
        f"-n -l systemctl {verb} -- postgresql@16-main" for verb in ("start", "stop", "enable", "disable", "mask", "unmask")
    ]
    assert (tmp_path / "asked").read_text().splitlines() == wanted


def test_a_login_that_may_not_stop_the_service(tmp_path: Path) -> None:
    found = denied(tmp_path, '[ "$4" != stop ] || { echo "sudo: a password is required" >&2; exit 1; }')
    assert found == {"service_denied": ("systemctl stop postgresql@16-main",), "detail": "sudo: a password is required"}


def test_a_host_without_sudo(tmp_path: Path) -> None:
    found = denied(tmp_path, "")
    assert len(found["service_denied"]) == 6  # type: ignore[arg-type]
    assert "sudo" in str(found["detail"])


def test_what_was_cut_off_says_nothing() -> None:
    part = rights_part("db1", UNIT)
    assert part is not None
    with pytest.raises(ValueError, match="not an answer"):
        part.parse(CommandResult(0, "stop no", "", 0.0))
    with pytest.raises(ValueError, match="not an answer"):
        part.parse(CommandResult(0, "", "", 0.0))


def test_only_what_goes_through_sudo_is_asked_about() -> None:
    assert rights_part("db1", Service("command", program="/bin/service")) is None
    assert rights_part("pps1", Service("windows-service", "PPS")) is None
