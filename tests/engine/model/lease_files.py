"""What the lease's scripts do on a host of the model; each is recognised as the text that the product's builder made."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ppsconsole.drivers.base import CommandResult
from ppsconsole.engine import copies, lease, lease_script, pruning
from ppsconsole.engine.lease_script import CANNOT_WRITE, NOT_OURS
from tests.engine.model.hosts import KeptRun, ModelHost
from tests.engine.model.journal import line_of

Script = Callable[[ModelHost, str, float], CommandResult]
_built: dict[str, Script] = {}
"""What each text means that a builder has made since the model took the builders' place."""

_LOOK, _TAKE = lease_script.look_script, lease_script.take_script
_GIVE, _LEAVE, _BEAT = lease_script.give_back_script, lease_script.leave_script, lease_script.beat_script
_APPEND, _COPIED, _PRUNE = copies._append_script, copies._copied, pruning._script


def _said(status: int = 0, stdout: str = "", stderr: str = "") -> CommandResult:
    return CommandResult(status, stdout, stderr, 0.001)


def _known(text: str, meaning: Script) -> str:
    _built[text] = meaning
    return text


def look_script(folder: str) -> str:
    return _known(_LOOK(folder), _look)


def take_script(folder: str, epoch: int, expected: str) -> str:
    def take(host: ModelHost, stdin: str, now: float) -> CommandResult:
        if host.is_full:
            return _said(CANNOT_WRITE, stderr="No space left on device")
        line = host.lease_line if host.lease else ""
        if epoch <= host.epoch or line != expected:
            return _said(NOT_OURS)
        host.epoch, host.lease, host.heartbeat = epoch, stdin, now
        return _said()

    return _known(_TAKE(folder, epoch, expected), take)


def give_back_script(folder: str, line: str) -> str:
    def give(host: ModelHost, stdin: str, now: float) -> CommandResult:
        if host.lease_line != line:
            return _said(NOT_OURS)
        host.lease, host.heartbeat = "", None
        return _said()

    return _known(_GIVE(folder, line), give)


def leave_script(folder: str, line: str) -> str:
    def leave(host: ModelHost, stdin: str, now: float) -> CommandResult:
        if host.is_full:
            return _said(CANNOT_WRITE)
        if host.lease_line != line:
            return _said(NOT_OURS)
        host.lease = stdin
        return _said()

    return _known(_LEAVE(folder, line), leave)


def beat_script(folder: str, line: str) -> str:
    def beat(host: ModelHost, stdin: str, now: float) -> CommandResult:
        if host.lease_line != line:
            return _said(NOT_OURS)
        host.heartbeat = now
        return _said()

    return _known(_BEAT(folder, line), beat)


def append_script(held: lease.Lease, has_plan: bool) -> str:
    line, run = held.line, held.claim.run

    def append(host: ModelHost, stdin: str, now: float) -> CommandResult:
        if host.lease_line != line:
            return _said(NOT_OURS)
        if host.is_full:
            return _said(CANNOT_WRITE, stderr="No space left on device")
        kept = host.runs.setdefault(run, KeptRun())
        if has_plan:
            kept.plan, _, stdin = stdin.partition("\n")
        kept.events += stdin
        return _said()

    return _known(_APPEND(held, has_plan), append)


def prune_script(held: lease.Lease) -> str:
    return _known(_PRUNE(held), lambda host, stdin, now: _said())


def meaning_of(command: str) -> Script | None:
    """Return what a command does to the folder of leases; None when it is none of these."""
    if command in _built:
        return _built[command]
    if "@@ppsconsole-copy" in command:
        return _fetch
    if '"$r/events.new"' in command and (found := _replaces(command)) is not None:
        return found
    return None


def _look(host: ModelHost, stdin: str, now: float) -> CommandResult:
    lines = [f"now {int(now)}"]
    if host.epoch:
        lines.append(f"epoch {host.epoch}")
    if host.heartbeat is not None:
        lines.append(f"beat {int(host.heartbeat)}")
    lines += [f"finished {run}" for run, kept in host.runs.items() if "run-finished" in kept.events]
    if host.lease:
        run = host.lease_line.split(" ")[1]
        if run in host.runs and "step-started" in host.runs[run].events:
            lines.append("touched yes")
        lines += ["lease", host.lease.rstrip("\n")]
    return _said(stdout="\n".join(lines) + "\n")


def _fetch(host: ModelHost, stdin: str, now: float) -> CommandResult:
    mark = "@@ppsconsole-copy"
    text = ""
    for run, kept in host.runs.items():
        if kept.plan or kept.begun:
            begun = "".join(f"begun {each}\n" for each in kept.begun)
            text += f"{mark} {run}\n{kept.plan}\n\n{kept.events}\n{begun}"
    return _said(stdout=text)


def _replaces(command: str) -> Script | None:
    """The end of a run that was taken over: its plan and its events take the place of what is there."""
    words = shlex.split(command)
    named = re.search(r"^r=\$d/runs/(\S+)$", words[-1], re.MULTILINE)
    ours = re.search(r'\[ "\$l" = \'([^\']+)\' \]', words[-1])
    counted = re.search(r"-eq (\d+) \]", words[-1])
    if named is None or ours is None or counted is None:
        return None
    run, line, count = named[1], ours[1], int(counted[1])

    def put(host: ModelHost, stdin: str, now: float) -> CommandResult:
        if host.lease_line != line:
            return _said(NOT_OURS)
        plan, _, events = stdin.partition("\n")
        if host.is_full or events.count("\n") != count:
            return _said(CANNOT_WRITE)
        kept = host.runs.setdefault(run, KeptRun())
        kept.plan, kept.events = plan, events
        return _said()

    return put


@lru_cache(maxsize=256)
def _read_once(name: str, body: str) -> copies.CopiedRun | None:
    return _COPIED("", name, body)


def copied(host: str, name: str, body: str) -> copies.CopiedRun | None:
    """Return what the product reads in a copy; the same text on five hosts is read once."""
    found = _read_once(name, body)
    return None if found is None else replace(found, host=host)


_event_in = lru_cache(maxsize=1 << 15)(copies._event_in)
"""What the product reads in a line of a copy; the same line on five hosts, in every story again, is read once."""


PATCHES: tuple[tuple[Any, str, Any], ...] = (
    (lease_script, "look_script", look_script),
    (lease_script, "take_script", take_script),
    (lease_script, "give_back_script", give_back_script),
    (lease_script, "leave_script", leave_script),
    (lease_script, "beat_script", beat_script),
    (copies, "_append_script", append_script),
    (copies, "_copied", copied),
    (copies, "_event_in", _event_in),
    (copies, "_line", line_of),
    (pruning, "_script", prune_script),
)
"""Builders that the model stands beside: what they make is sent as it is, and remembered with what it means."""


def forget() -> None:
    """Forget the texts of earlier stories."""
    _built.clear()
