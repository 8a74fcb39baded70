"""Commands that stand ready on a host: everything slow has been looked at, and they act at one line of standard input.

While nobody can write, each start of a remote shell costs as much as the promotion itself. So a command is started beforehand,
looks at lease, host and instance, and waits. At the word it re-reads what may have changed meanwhile, which takes the shell no
further process, and acts. The end of its input, for whatever reason (a dropped line, a killed console), ends it: it has done
nothing.
"""

import shlex
from dataclasses import dataclass

from ppsconsole.drivers.base import OpenCommand
from ppsconsole.engine.lease_script import ours

READY = "@@ppsconsole-ready"
HELD_S = 60.0
"""How long one stands ready; later its act is sent the ordinary way, with everything looked at again."""

UNUSED = 98
"""Its input ended without the word, or the word came too late: nothing was done."""
UNUSED_MARK = "@@ppsconsole-unused"


@dataclass(frozen=True, slots=True)
class Armed:
    """One that stands ready.

    Attributes:
        talk: To give it the word.
        until: When it is too old to be used, by the console's monotonic clock, in seconds.
    """

    talk: OpenCommand
    until: float


def word(epoch: int, step: str, attempt: int) -> str:
    """Return the line that makes it act."""
    return f"go {epoch} {step}/{attempt}\n"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What one looks at before it stands ready, and at the word.

    Attributes:
        conditions: What the guard looks at before every act; leaves when something moved. Defines `moved` and `$d`.
        instance: The data directory that the act is bound to, quoted, and the conditions that concern it; None for none.
        lease_line: First line of the lease.
        epoch: Of the lease: the word has to carry it.
        begun: Notes that the act is begun; the step and its attempt are in `$s`.
    """

    conditions: str
    instance: tuple[str, str] | None
    lease_line: str
    epoch: int
    begun: str


def script(ready: Readiness, command: str) -> str:
    """Return the shell text that looks, waits, looks again and does `command`.

    A postmaster that is still the same process and still works in this directory has not become another system. Where there is
    none, or its directory may not be looked into, system identifier and data directory are read anew at the word.
    """
    seen = at_word = ""
    if ready.instance is not None:
        folder, of_instance = ready.instance
        seen = _server_read("p0", "t0", folder)
        same = f'[ -n "$p0" ] && [ "$p0 $t0" = "$p1 $t1" ] && [ "/proc/$p1/cwd" -ef {folder} ]'
        at_word = f"{_server_read('p1', 't1', folder)}if {same}; then :; else\n{of_instance}fi\n"
    return (
        f"{ready.conditions}{seen}"
        f"unused() {{ echo {UNUSED_MARK} >&2; exit {UNUSED}; }}\n"
        "{ read -r u0 l; } </proc/uptime\n"
        f"echo {READY}\n"
        'IFS=" " read -r g e s || unused\n'
        f'[ "$g" = go ] || unused\n'
        f'[ "$e" = {ready.epoch} ] || moved lease "${{e}} in the word, {ready.epoch} here"\n'
        "{ read -r u1 l; } </proc/uptime\n"
        f"[ $((${{u1%%.*}} - ${{u0%%.*}})) -le {round(HELD_S)} ] || unused\n"
        f'{ours(ready.lease_line)} || moved lease "$l"\n'
        f"{at_word}{ready.begun}"
        "exec </dev/null\n"
        f"eval {shlex.quote(command)}\n"
    )


def _server_read(process: str, time: str, folder: str) -> str:
    """Return the shell text that reads, into variables, process and start of the server in `folder`, which is quoted."""
    fields = f"read -r {process} && read -r l && read -r l && read -r {time}"
    return f"{{ {fields}; }} 2>/dev/null <{folder}/postmaster.pid || {process}=\n"
