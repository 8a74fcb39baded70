"""Services on their hosts: how their state is asked for, and what the answer means. No IO."""

import re
import shlex

from ppsconsole.drivers.base import CommandResult, EnabledState, ServiceState, ServiceStatus
from ppsconsole.inventory.model import Service
from ppsconsole.masking import plain

MASK = "mask"
"""Done on top of disabling, where that is possible: without it, what a generator or another unit pulls in starts at boot."""
SYSTEMD_VERBS = ("start", "stop", "enable", "disable", MASK, "unmask")
"""What a run does to a unit."""

_SYSTEMD_STATES = {
    "active": "running",
    "reloading": "running",
    "refreshing": "running",
    "inactive": "stopped",
    "deactivating": "running",  # it still runs until it does not
    "activating": "starting",
    "maintenance": "stopped",
    "failed": "failed",
}
_STATES = ("running", "stopped", "frozen", "failed", "starting")
# What does not survive a reboot counts as disabled; `static`, `indirect` and `generated` say nothing of the boot.
_ENABLED = ("enabled", "alias")
_DISABLED = ("disabled", "enabled-runtime", "masked", "masked-runtime", "linked", "linked-runtime", "transient")

_PAIR = re.compile(r"(?:^|\s)([A-Za-z]+)=(\S*)")


def systemctl(verb: str, unit: str) -> str:
    """Return how a host is told to do `verb` to a unit; without a password, or not at all."""
    return f"sudo -n systemctl {verb} -- {shlex.quote(unit)}"


def status_command(service: Service) -> str | None:
    """Return the shell command that tells the state of `service`; None for kinds that are not probed yet."""
    if service.kind == "command" and service.program is not None:
        return f"{shlex.quote(service.program)} status"
    if service.kind == "systemd" and service.name is not None:
        name = shlex.quote(service.name)
        # A process that was stopped with a signal still counts as active: only its own state tells.
        return (
            f"shown=$(systemctl show -p LoadState -p ActiveState -p SubState -p MainPID -p UnitFileState -- {name}) || exit; "
            'printf "%s\\n" "$shown"; pid=$(printf "%s\\n" "$shown" | sed -n s/^MainPID=//p); '
            '[ "${pid:-0}" = 0 ] || sed -n "s/^State:[[:space:]]*/ProcessState=/p" "/proc/$pid/status" 2>/dev/null || :'
        )
    return None


def parse_status(service: Service, result: CommandResult) -> ServiceStatus:
    """Return what the answer to `status_command(service)` means; `unknown` with the reason where it means nothing."""
    if service.kind == "systemd":
        return _systemd(result)
    return _program(result)


def _systemd(result: CommandResult) -> ServiceStatus:
    shown = dict(line.partition("=")[::2] for line in result.stdout.splitlines() if "=" in line)
    if result.exit_status != 0 or "ActiveState" not in shown:
        return _unknown(result, "systemctl gave no state")
    if shown.get("LoadState") == "not-found":
        return ServiceStatus("unknown", "unknown", None, "systemd knows no unit of that name")
    active, sub = shown["ActiveState"], shown.get("SubState", "")
    state = _SYSTEMD_STATES.get(active, "unknown")
    if state == "running" and shown.get("ProcessState", "").startswith("T "):
        state = "frozen"
    unit_file = shown.get("UnitFileState", "")
    enabled = "enabled" if unit_file in _ENABLED else "disabled" if unit_file in _DISABLED else "unknown"
    return ServiceStatus(_state(state), _enabled(enabled), _pid(shown.get("MainPID")), plain(f"{active} ({sub}), {unit_file}"))


def _program(result: CommandResult) -> ServiceStatus:
    # The first line that has a state counts: a wrapper may greet before it, and log behind it.
    for line in result.stdout.splitlines():
        pairs = dict(_PAIR.findall(line))
        if "state" in pairs:
            return ServiceStatus(
                _state(pairs["state"]),
                _enabled(pairs.get("enabled", "unknown")),
                _pid(pairs.get("pid")),
                "" if pairs["state"] in _STATES else plain(f"the service program says state={pairs['state']}"),
                plain(pairs.get("version", ""), 40),
            )
    return _unknown(result, "the service program gave no state")


def _unknown(result: CommandResult, words: str) -> ServiceStatus:
    said = result.stderr.strip() or result.stdout.strip() or "no output"
    return ServiceStatus("unknown", "unknown", None, plain(f"{words} (exit status {result.exit_status}): {said}"))


def _state(word: str) -> ServiceState:
    match word:
        case "running" | "stopped" | "frozen" | "failed" | "starting":
            return word
        case _:
            return "unknown"


def _enabled(word: str) -> EnabledState:
    match word:
        case "enabled" | "disabled":
            return word
        case _:
            return "unknown"


def _pid(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and int(text) > 0 else None
