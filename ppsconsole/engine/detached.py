"""Commands that outlive the line: started once on the host, with output and exit status in files beside the lease.

The marker that says "started" is made by the process that then runs the command, so there is no moment at which a dropped line
leaves a marker and nothing behind it. If that process is gone without a status, nobody knows how far it came.

What it prints goes to files and not to a pipe: it goes on whatever becomes of who reads it, and so does what it leaves running.
Something beside it keeps the files from growing without end, by emptying them, which takes nothing from the command.
"""

import re
import shlex
from dataclasses import dataclass

from ppsconsole.drivers.base import CommandResult
from ppsconsole.engine.lease_script import run_folder
from ppsconsole.errors import BadAnswer
from ppsconsole.masking import plain

WAIT_S = 10.0
"""How long one remote command waits for the end before it is asked anew."""

GRACE_S = 5.0
RETRY_S = 0.3
_MARK = "@@ppsconsole-detached"
_LIMIT_BYTES = 200_000
"""Of each file what is told at most, and kept of what was taken out of it."""
_FILE_BYTES = 1_000_000
_TRIM_S = 0.5
"""How often it is looked whether a file is over that; what is printed in between may pass it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one detached command has its files.

    Attributes:
        folder: The cluster's on the host, as shell text.
        name: Unique in the run.
        attempt: A step that failed and is tried again gets a new place, unless the earlier command still runs.
    """

    folder: str
    run: str
    name: str
    attempt: int

    def start(self, command: str) -> str:
        """Return shell text that starts `command` unless it was started before; `$p` is its place afterwards."""
        # Emptied where they are: both are written to at their end. It ends with the runner, however that ended.
        trim = (
            'trim() { for f in "$1/out" "$1/err"; do\n'
            f'  [ "$(stat -c %s "$f")" -le {_FILE_BYTES} ] || {{ tail -c {_LIMIT_BYTES} "$f" >"$f.end"; : >"$f"; }}\n'
            "done; }\n"
            f'(while sleep {_TRIM_S:g} && read -r i n z t </proc/$$/stat && [ "$z" != Z ]; do trim "$1"; done) '
            "</dev/null >/dev/null 2>&1 & w=$!\n"
        )
        runner = (
            'mkdir -p "$1" || exit 1\n'
            "read -r b </proc/sys/kernel/random/boot_id\n"
            'echo "$$ $b $(cut -d" " -f22 /proc/$$/stat)" >"$1/new.$$"\n'
            'ln "$1/new.$$" "$1/started" 2>/dev/null; s=$?; rm -f "$1/new.$$"; [ "$s" = 0 ] || exit 0\n'
            f': >"$1/out"; : >"$1/err"; {trim}'
            f'/bin/sh -c {shlex.quote(command)} >>"$1/out" 2>>"$1/err" </dev/null; s=$?\n'
            'kill $w 2>/dev/null; trim "$1" 2>/dev/null\n'
            'echo "$s" >"$1/status.new"; mv "$1/status.new" "$1/status"\n'
        )
        place = '"$p"'
        return (
            f"{self.find()}{run_folder(self.run, place)}"
            'if [ ! -f "$p/started" ]; then\n'
            "  umask 077; s=; command -v setsid >/dev/null && s=setsid\n"
            f'  nohup $s /bin/sh -c {shlex.quote(runner)} ppsconsole "$p" >/dev/null 2>&1 </dev/null &\n'
            '  n=0; while [ ! -f "$p/started" ] && [ $n -lt 500 ]; do sleep 0.01; n=$((n+1)); done\n'
            "fi\n"
        )

    def find(self) -> str:
        """Return shell text that sets `$p` to the place of this attempt, or of an earlier one that still runs.

        Defines `alive`: whether the process of a place still runs. A process number alone may have been given to another.
        """
        base = shlex.quote(f"{re.sub('[^A-Za-z0-9._-]', '_', self.name)}.")
        return (
            f"d={self.folder}\n"
            'alive() { read -r i o t 2>/dev/null <"$1/started" && read -r c </proc/sys/kernel/random/boot_id && '
            '[ "$o" = "$c" ] && [ "$(cut -d" " -f22 "/proc/$i/stat" 2>/dev/null)" = "$t" ]; }\n'
            f'b="$d/runs/"{shlex.quote(self.run)}/{base}; n={self.attempt}; p=$b$n\n'
            'while [ ! -f "$p/started" ] && [ $n -gt 1 ]; do\n'
            '  n=$((n-1)); if [ ! -f "$b$n/status" ] && alive "$b$n"; then p=$b$n; fi\n'
            "done\n"
        )

    def wait(self, wait_s: float) -> str:
        """Return shell text that waits for the end of `$p`, and prints how it stands and what it printed."""
        steps = max(1, round(wait_s / 0.02))
        return (
            "n=0; m=0\n"
            f'while [ $n -lt {steps} ] && [ ! -f "$p/status" ] && [ -f "$p/started" ]; do\n'
            "  sleep 0.02; n=$((n+1)); m=$((m+1))\n"
            '  if [ $m -ge 25 ]; then m=0; alive "$p" || break; fi\n'
            "done\n"
            'if [ ! -f "$p/started" ]; then s=absent; elif alive "$p"; then s=running; else s=gone; fi\n'
            # A status that came while the process was looked for counts.
            'if [ -f "$p/status" ]; then s=$(cat "$p/status"); fi\n'
            f"printf '{_MARK} %s\\n' \"$s\"\n"
            "case $s in running|absent|gone) exit 0 ;; esac\n"
            f'told() {{ cat "$p/$1.end" "$p/$1" 2>/dev/null | tail -c {_LIMIT_BYTES}; }}; told out; told err >&2; exit 0\n'
        )

    def outcome(self, result: CommandResult) -> CommandResult | None:
        """Return what the command came to, None while it runs.

        Raises:
            BadAnswer: It was never started, or its process is gone without a status: only looking at the world tells.
        """
        head, _, rest = result.stdout.partition("\n")
        if not head.startswith(_MARK + " "):
            raise BadAnswer(f"{self.name}: {plain(result.stderr or result.stdout, 160)}")
        state = head.removeprefix(_MARK + " ").strip()
        if state == "running":
            return None
        if state == "absent":
            raise BadAnswer(f"{self.name} was not started")
        if not state.isdigit():
            raise BadAnswer(f"{self.name} ended without a status; how far it came is not known")
        return CommandResult(int(state), rest, result.stderr, result.duration_s)
