import os
import shutil
import signal
import subprocess

import pytest

from ppsconsole.drivers.base import CommandResult, ServiceStatus
from ppsconsole.drivers.service import parse_status, status_command
from ppsconsole.inventory.model import Service

PROGRAM = Service("command", program="/opt/pps/pps service")
UNIT = Service("systemd", name="postgresql@15-main.service")


def said(text: str, status: int = 0, stderr: str = "") -> CommandResult:
    return CommandResult(status, text, stderr, 0.1)


def test_kinds_without_a_driver_are_not_asked():
    assert status_command(Service("windows-service", name="Pleasant")) is None
    assert status_command(Service("iis-app-pool", name="Pleasant")) is None
    assert status_command(PROGRAM) == "'/opt/pps/pps service' status"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("state=running enabled=enabled pid=123\n", ServiceStatus("running", "enabled", 123)),
        ("Welcome!\nstate=stopped enabled=disabled\n", ServiceStatus("stopped", "disabled", None)),
        ("pid=7 state=frozen", ServiceStatus("frozen", "unknown", 7)),
        ("state=starting enabled=perhaps pid=-", ServiceStatus("starting", "unknown", None)),
        ("state=odd pid=5", ServiceStatus("unknown", "unknown", 5, "the service program says state=odd")),
    ],
)
def test_a_service_program(text, status):
    assert parse_status(PROGRAM, said(text)) == status


def test_a_service_program_that_fails_is_unknown_and_says_why():
    status = parse_status(PROGRAM, said("", 127, "sh: not\x1b[31m found"))
    assert (status.state, status.pid) == ("unknown", None)
    assert status.detail == "the service program gave no state (exit status 127): sh: not?[31m found"


def shown(active: str, sub: str, unit_file: str, pid: int = 0, process: str = "", load: str = "loaded") -> CommandResult:
    lines = f"LoadState={load}\nActiveState={active}\nSubState={sub}\nMainPID={pid}\nUnitFileState={unit_file}\n"
    return said(lines + (f"ProcessState={process}\n" if process else ""))


@pytest.mark.parametrize(
    ("result", "state", "enabled", "pid"),
    [
        (shown("active", "running", "enabled", 12, "S (sleeping)"), "running", "enabled", 12),
        (shown("active", "running", "enabled", 12, "T (stopped)"), "frozen", "enabled", 12),
        (shown("active", "running", "static", 12, "t (tracing stop)"), "running", "unknown", 12),
        (shown("inactive", "dead", "masked"), "stopped", "disabled", None),
        (shown("failed", "failed", "enabled-runtime"), "failed", "disabled", None),
        (shown("activating", "auto-restart", "enabled"), "starting", "enabled", None),
        (shown("inactive", "dead", "", load="not-found"), "unknown", "unknown", None),
        (said("", 1, "Failed to connect to bus"), "unknown", "unknown", None),
    ],
)
def test_systemd(result, state, enabled, pid):
    status = parse_status(UNIT, result)
    assert (status.state, status.enabled, status.pid) == (state, enabled, pid)
    assert status.detail


def test_the_systemd_command_finds_a_frozen_process(tmp_path):
    """With a `systemctl` of our own in the PATH: the shell part, the unit's name and /proc are real."""
    frozen = subprocess.Popen(["sleep", "600"])
    try:
        frozen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, frozen.pid, os.WSTOPPED)
        answer = f"LoadState=loaded\\nActiveState=active\\nSubState=running\\nMainPID={frozen.pid}\\nUnitFileState=enabled\\n"
        fake = tmp_path / "systemctl"
        fake.write_text(f'#!/bin/sh\nfor last; do :; done\n[ "$last" = "a b;\'c" ] || exit 9\nprintf \'{answer}\'\n')
        fake.chmod(0o755)
        path = f"{tmp_path}:{os.environ['PATH']}"
        for name, state in (("a b;'c", "frozen"), ("other", "unknown")):
            service = Service("systemd", name=name)
            command = status_command(service)
            assert command is not None
            done = subprocess.run(
                [shutil.which("sh") or "sh", "-c", command], env={"PATH": path}, capture_output=True, text=True, check=False
            )
            status = parse_status(service, said(done.stdout, done.returncode, done.stderr))
            assert status.state == state
    finally:
        frozen.kill()
        frozen.wait()
