"""What is sent to hosts to take, keep and give back the lease: POSIX shell text, and what its answers mean.

The lease is one file. Its first line is `EPOCH RUN STATE`, its second JSON about the holder. It comes into being by `ln`, which
fails where the name exists, and is moved away by `mv` before it is looked at and replaced: of two that want it one gets it, and
nobody ever reads half of it. The last epoch is kept in a file of its own, so that epochs go on counting after a release.
"""

import json
import shlex
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args
from urllib.parse import quote

from ppsconsole.actions.planted import refuse_planted
from ppsconsole.cluster.told import told_json
from ppsconsole.drivers.base import CommandResult
from ppsconsole.engine.holder import Holder
from ppsconsole.masking import plain

ROOT = "~/.ppsconsole"
"""In the home of the login on each host; a folder for each cluster in it."""

NOT_OURS = 95
"""The lease is somebody else's, or gone."""
CANNOT_WRITE = 96

OWN_FOLDERS = ('"${d%/*}"', '"$d"', '"$d/runs"')
"""Below which everything of a run is written, as shell text."""

RUN_FILES = ("plan.new", "plan.json", "events.new", "events.jsonl", "begun")
"""What is written in the folder of a run, beside the folders of commands that outlive the line."""

State = Literal["held", "left"]
"""`left`: its run is not finished, and nobody is at it."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one host says of the lease.

    Attributes:
        epoch: The highest that it has seen; 0 before the first.
        line: First line of the lease; empty when there is none.
        beat_age_s: Seconds since its holder's last sign of life, by the host's own clock; None when unknown.
        is_touched: Its run has begun a step, by the copy of its journal.
        finished: Runs that have ended, by the copies of their journals on this host.
        note: What stands beside the holder: `since`, `runbook`, `reason`.
        garbled: What is wrong with a lease that is there and cannot be read; it is somebody's all the same. Empty otherwise.
        checksum: By which a garbled one is known again; empty when not even that can be had.
    """

    host: str
    epoch: int
    line: str
    run: str
    state: str
    holder: Holder | None
    beat_age_s: float | None
    is_touched: bool
    finished: frozenset[str]
    note: dict[str, Any]
    garbled: str = ""
    checksum: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether there is a lease, readable or not."""
        return bool(self.line or self.garbled)


def folder_of(cluster: str, root: str = ROOT) -> str:
    """Return the cluster's folder as shell text; `~` is the home of the login."""
    name = quote(cluster, safe="").replace("~", "%7E")
    if name.startswith("."):
        name = "%2E" + name[1:]
    if root == "~" or root.startswith("~/"):
        return f'"$HOME"{shlex.quote("/" + (root[2:] + "/" if root[2:] else "") + name)}'
    return shlex.quote(f"{root.rstrip('/')}/{name}")


def sh(script: str) -> str:
    """Return the command that runs `script` whatever the login's shell is."""
    return f"exec /bin/sh -c {shlex.quote(script)}"


def lease_line(epoch: int, run: str, state: State) -> str:
    """Return the lease's first line."""
    return f"{epoch} {run} {state}"


def lease_text(line: str, holder: Holder, note: dict[str, Any]) -> str:
    """Return the lease's whole text, to be sent by standard input."""
    return f"{line}\n{json.dumps({'holder': holder.as_json(), **note})}\n"


def look_script(folder: str) -> str:
    """Return what prints all that a `Sighting` holds."""
    return sh(
        f"d={folder}\n"
        'echo "now $(date +%s)"\n'
        'if [ -f "$d/epoch" ]; then echo "epoch $(cat "$d/epoch")"; fi\n'
        'if [ -f "$d/heartbeat" ]; then echo "beat $(cat "$d/heartbeat")"; fi\n'
        'for f in "$d"/runs/*/events.jsonl; do\n'
        # Inside of JSON a quote is escaped: what a command printed cannot make an open run look finished.
        '  if grep -q \'"kind": "run-finished"\' "$f" 2>/dev/null; then r=${f%/*}; echo "finished ${r##*/}"; fi\n'
        "done\n"
        # A host that lost its power may have left a file of no length, a torn line or worse: that is a lease as well.
        'if [ -e "$d/lease" ]; then\n'
        '  r=; IFS=" " read -r e r s 2>/dev/null <"$d/lease"\n'
        '  if grep -q step-started "$d/runs/$r/events.jsonl" 2>/dev/null; then echo touched yes; fi\n'
        '  echo "sum $([ -f "$d/lease" ] && cksum 2>/dev/null <"$d/lease")"\n'
        '  echo lease; cat "$d/lease"\n'
        "fi\nexit 0\n"
    )


def take_script(folder: str, epoch: int, expected: str) -> str:
    """Return what makes the lease from standard input.

    A line that drops ends the input as well: half a text never becomes the lease. Where the disk is full nothing stays behind.

    Args:
        folder: As `folder_of` returns it.
        epoch: Of the new lease; higher than any that the host has seen.
        expected: First line of the lease that is to be replaced; empty when there is none.
    """
    put_aside = f'if mv "$d/lease" "$d/old.$$" 2>/dev/null; then\n{_only_if(expected)}rm -f "$d/old.$$"\nfi\n' if expected else ""
    return sh(
        f"d={folder}\numask 077\n"
        # Everything of the run is written below it: through a link that was planted there it would land elsewhere.
        f"{refuse_planted(*OWN_FOLDERS, status=CANNOT_WRITE)}\n"
        f'mkdir -p "$d" && cat >"$d/new.$$" || {{ rm -f "$d/new.$$"; exit {CANNOT_WRITE}; }}\n'
        'IFS=" " read -r a l <"$d/new.$$"\n'
        f'if [ "$a" != {epoch} ] || [ "$(wc -l <"$d/new.$$")" -ne 2 ]; then\n'
        f'  echo "only a part of it came over" >&2; rm -f "$d/new.$$"; exit {CANNOT_WRITE}\n'
        "fi\n"
        'e=$(cat "$d/epoch" 2>/dev/null); case $e in *[!0-9]*) e=0 ;; esac\n'
        f'if [ {epoch} -le "${{e:-0}}" ]; then rm -f "$d/new.$$"; exit {NOT_OURS}; fi\n'
        f"{put_aside}"
        'if ! ln "$d/new.$$" "$d/lease" 2>"$d/why.$$"; then\n'
        f'  [ -f "$d/lease" ] && s={NOT_OURS} || s={CANNOT_WRITE}\n'
        '  cat "$d/why.$$" >&2; rm -f "$d/new.$$" "$d/why.$$"; exit "$s"\n'
        "fi\n"
        'rm -f "$d/new.$$" "$d/why.$$"\n'
        f'echo {epoch} >"$d/epoch.$$" && mv "$d/epoch.$$" "$d/epoch" && date +%s >"$d/heartbeat" && exit 0\n'
        # Otherwise it would be held by nobody who knows of it.
        'IFS=" " read -r a l <"$d/lease"\n'
        f'if [ "$a" = {epoch} ]; then rm -f "$d/lease"; fi\n'
        f'rm -f "$d/epoch.$$"; exit {CANNOT_WRITE}\n'
    )


def clear_script(folder: str, checksum: str) -> str:
    """Return what takes a lease away that cannot be read, if it is still the one with this checksum."""
    return sh(
        f'd={folder}\nmv "$d/lease" "$d/old.$$" 2>/dev/null || exit {NOT_OURS}\n'
        f'if [ "$(cksum 2>/dev/null <"$d/old.$$")" != {shlex.quote(checksum)} ]; then\n'
        f'  ln "$d/old.$$" "$d/lease"; rm -f "$d/old.$$"; exit {NOT_OURS}\n'
        'fi\nrm -f "$d/old.$$"\n'
    )


def give_back_script(folder: str, line: str) -> str:
    """Return what removes our own lease; a lease that is not ours stays, or comes back."""
    return sh(f'd={folder}\n{_moved_away(line)}rm -f "$d/old.$$" "$d/heartbeat"\n')


def leave_script(folder: str, line: str) -> str:
    """Return what puts the lease on standard input in the place of our own."""
    return sh(
        f'd={folder}\numask 077\ncat >"$d/new.$$" || exit {CANNOT_WRITE}\n{_moved_away(line)}'
        'ln "$d/new.$$" "$d/lease" 2>/dev/null; s=$?\nrm -f "$d/old.$$" "$d/new.$$"; exit "$s"\n'
    )


def beat_script(folder: str, line: str) -> str:
    """Return what gives a sign of life, if the lease is still ours."""
    return sh(f'd={folder}\n{ours(line)} || exit {NOT_OURS}\ndate +%s >"$d/heartbeat"\n')


def run_folder(run: str, *places: str) -> str:
    """Return what makes the folder of a run in `$d`, and sets `$r` to it; it leaves where something was planted on the way.

    Args:
        run: Its id.
        places: More places that will be written to, as shell text.
    """
    planted = refuse_planted(*OWN_FOLDERS, '"$r"', *(f'"$r/{name}"' for name in RUN_FILES), *places, status=CANNOT_WRITE)
    there = f'[ -d "$r" ] || (umask 077; mkdir -p "$r") || exit {CANNOT_WRITE}'
    return f"r=$d/runs/{shlex.quote(run)}\n{planted}\n{there}\n"


def ours(line: str) -> str:
    """Return the shell condition that the lease in `$d` is the one with this first line; leaves the line in `$l`."""
    return f'{{ l=none; IFS= read -r l 2>/dev/null <"$d/lease"; [ "$l" = {shlex.quote(line)} ]; }}'


def _moved_away(line: str) -> str:
    return f'mv "$d/lease" "$d/old.$$" 2>/dev/null || {{ rm -f "$d/new.$$"; exit {NOT_OURS}; }}\n{_only_if(line)}'


def _only_if(line: str) -> str:
    """Put the lease that was moved away back, and leave, unless it begins with `line`."""
    back = f'ln "$d/old.$$" "$d/lease"; rm -f "$d/old.$$" "$d/new.$$"; exit {NOT_OURS}'
    return f'IFS= read -r l <"$d/old.$$"\nif [ "$l" != {shlex.quote(line)} ]; then {back}; fi\n'


def sighting(host: str, result: CommandResult) -> Sighting:
    """Return what `look_script` printed on `host`.

    Raises:
        ValueError: It makes no sense.
    """
    head, has_lease, tail = result.stdout.partition("\nlease\n")
    words = dict(line.split(" ", 1) for line in head.splitlines() if " " in line)
    if result.exit_status != 0 or not words.get("now", "").isdigit():
        raise ValueError(plain(result.stderr or result.stdout, 160) or f"exit {result.exit_status}")
    beat_age_s = float(words["now"]) - float(words["beat"]) if words.get("beat", "").isdigit() else None
    epoch = int(words["epoch"]) if words.get("epoch", "").isdigit() else 0
    finished = frozenset(line.partition(" ")[2] for line in head.splitlines() if line.startswith("finished "))
    if not has_lease:
        return Sighting(host, epoch, "", "", "", None, None, False, finished, {})
    found = lease_seen(host, tail)
    why = found.garbled
    if why and not tail:
        why = "it is empty" if words.get("sum", "").strip() else plain(result.stderr, 120) or "it is no file"
    return replace(
        found,
        epoch=max(epoch, found.epoch),
        beat_age_s=beat_age_s,
        is_touched=words.get("touched") == "yes",
        finished=finished,
        garbled=why,
        checksum=words.get("sum", "").strip(),
    )


def lease_seen(host: str, text: str) -> Sighting:
    """Return what the text of a lease on `host` tells by itself."""
    line, _, rest = text.partition("\n")
    cells = line.split(" ")
    if len(cells) != 3 or not cells[0].isdigit() or cells[2] not in get_args(State):
        return Sighting(host, 0, "", "", "", None, None, False, frozenset(), {}, f"it begins with {plain(line, 40)!r}")
    try:
        note = told_json(rest)
        holder = Holder.from_json(note.pop("holder"))
    except (ValueError, KeyError, AttributeError, TypeError):
        note, holder = {}, None
    return Sighting(host, int(cells[0]), line, cells[1], cells[2], holder, None, False, frozenset(), note)
