"""Reads the guard around a command, line by line: what it looks at before it acts (law 7) is looked at in the model as well."""

import re
import shlex
from dataclasses import dataclass
from functools import lru_cache

from ppsconsole.engine import armed
from ppsconsole.engine.binding import MARK, MOVED
from tests.engine.model.databases import UnknownToModel
from tests.engine.model.hosts import KeptRun, ModelHost

_LEASE = re.compile(r"""^\{ l=none; IFS= read -r l .*\[ "\$l" = (?P<line>'[^']*') \]; \} \|\| moved lease "\$l"$""")
_NAME = re.compile(r"""^l=\$\(uname -n\); \[ "\$l" = (?P<name>\S+) \] \|\| moved hostname """)
_FOLDER = re.compile(r"""^\[ -d (?P<folder>\S+) \] \|\| moved data-directory """)
_SYSTEM = re.compile(r"""^\[ "\$l" = (?P<system>\S+) \] \|\| moved system-identifier """)
_BEGUN = re.compile(r"""^\{ r="\$d"/runs/(?P<run>\S+); .*printf "%s\\n" (?P<step>.+) >>"\$r/begun"; \} 2>/dev/null \|\| :$""")
_EPOCH = re.compile(r"""^\[ "\$e" = (?P<epoch>\d+) \] \|\| moved lease """)
_READY = f"echo {armed.READY}"
_SILENT = (
    "d=",
    "moved() {",
    "l=$(LC_ALL=C ",
    "case $l in *'Database system identifier:'*)",
    "l=${l#*'Database system identifier:'}",
    "{ read -r p0 &&",
    "{ read -r p1 &&",
    "{ { read -r p0",
    "{ read -r u0 l; }",
    "{ read -r u1 l; }",
    "unused() {",
    'IFS=" " read -r g e s || unused',
    '[ "$g" = go ] || unused',
    "[ $((${u1%%.*}",
    "exec </dev/null",
    "if ",
    "fi",
)


@dataclass(frozen=True, slots=True)
class Guarded:
    """One guarded command.

    Attributes:
        conditions: What is looked at first: (`lease`, line), (`hostname`, name), (`data-directory`, folder), (`system`, id).
        at_word: What is looked at again when it stood ready and gets its word; the same kinds.
        begun: Run, and `STEP/ATTEMPT` that is noted as begun; empty where nothing is; `$s` where the word brings it.
        command: What is done then; empty where only the conditions are looked at.
        place: Of a command that outlives the line.
        epoch: That the word has to bring; None for one that does not stand ready.
    """

    conditions: tuple[tuple[str, str], ...]
    at_word: tuple[tuple[str, str], ...]
    begun: tuple[str, str]
    command: str
    epoch: int | None
    place: str = ""


@lru_cache(maxsize=4096)
def guarded(command: str) -> Guarded | None:
    """Return what a command of the guard says; None when it is none of the guard's.

    Raises:
        UnknownToModel: It is one, with a line that the model does not know.
    """
    if not command.startswith("exec /bin/sh -c ") or "@@ppsconsole-moved" not in command:
        return None
    script = shlex.split(command)[3]
    conditions: list[tuple[str, str]] = []
    at_word: list[tuple[str, str]] = []
    current, begun, inner, epoch, place = conditions, ("", ""), "", None, ""
    lines = script.split("\n")
    for number, line in enumerate(lines):
        if not line:
            continue
        if line.startswith("alive() {"):
            place, inner = detached_in("\n".join(lines[number:]))
            break
        if line.startswith(("exec /bin/sh -c ", "eval ")):
            inner = shlex.split("\n".join(lines[number:]))[-1]
            break
        if line == _READY:
            current = at_word
        elif found := _LEASE.match(line):
            current.append(("lease", shlex.split(found["line"])[0]))
        elif found := _NAME.match(line):
            current.append(("hostname", found["name"]))
        elif found := _FOLDER.match(line):
            current.append(("data-directory", found["folder"]))
        elif found := _SYSTEM.match(line):
            current.append(("system", found["system"]))
        elif found := _BEGUN.match(line):
            begun = (found["run"], shlex.split(found["step"])[0])
        elif found := _EPOCH.match(line):
            epoch = int(found["epoch"])
        elif not line.startswith(_SILENT):
            raise UnknownToModel(f"the model does not know this line of a guard: {line}")
    return Guarded(tuple(conditions), tuple(at_word), begun, inner, epoch, place)


def detached_in(script: str) -> tuple[str, str]:
    """Return place and command of a script about a command that outlives the line; the latter is empty where it is looked for."""
    place = re.search(r'^b="\$d/runs/"(?P<run>\S+)/(?P<name>\S+); n=(?P<attempt>\d+); p=\$b\$n$', script, re.MULTILINE)
    if place is None:
        raise UnknownToModel(f"the model does not know this way to outlive the line: {script}")
    _, start, rest = script.partition("nohup $s /bin/sh -c ")
    if not start:
        return place[0], ""
    _, _, runner = shlex.split(rest)[0].partition("/bin/sh -c ")
    return place[0], shlex.split(runner)[0]


@lru_cache(maxsize=1024)
def looked_for(command: str) -> str:
    """Return the place that a command asks about, of one that outlives the line."""
    return detached_in(shlex.split(command)[3])[0]


def moved(host: ModelHost, conditions: tuple[tuple[str, str], ...], system: str) -> str:
    """Return what the guard says on standard error when something is not as planned; empty when all is."""
    for kind, wanted in conditions:
        if kind == "lease" and host.lease_line != wanted:
            return f"{MARK} lease {host.lease_line}\n"
        if kind == "hostname" and host.name != wanted:
            return f"{MARK} hostname {host.name}, planned was {wanted}\n"
        if kind == "system" and system != wanted:
            return f"{MARK} system-identifier {system}, planned was {wanted}\n"
    return ""


def note_begun(host: ModelHost, run: str, step: str) -> None:
    """Note on the host that an act is begun; a full disk does not keep it from being done."""
    if run and not host.is_full:
        host.runs.setdefault(run, KeptRun()).begun.append(step)


__all__ = ["MOVED", "Guarded", "guarded", "looked_for", "moved", "note_begun"]
