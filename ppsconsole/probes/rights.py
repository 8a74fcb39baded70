"""May the login do to a service what a run would? Asked of `sudo`, which lists a command where it is allowed, and runs nothing.

`sudo -l COMMAND` ends with 0 where the policy allows the command, and `-n` keeps it from asking for a password (sudo(8)). Whether
that one command wants a password it does not tell where others of the login want none. Each question is written to the log of
the host, so they are few and far between.
"""

import shlex
from functools import partial

from ppsconsole.cluster.facts import node_subject
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.service import SYSTEMD_VERBS
from ppsconsole.inventory.model import Service
from ppsconsole.masking import plain
from ppsconsole.probes.host import Part

NAMES = ("service_denied",)
EVERY_S = 600.0

_LOOKED = "looked"


def rights_part(node: str, service: Service, verbs: tuple[str, ...] = SYSTEMD_VERBS) -> Part | None:
    """Return the question what of `verbs` is denied; None where nothing goes through `sudo`."""
    if service.kind != "systemd" or service.name is None:
        return None
    name = shlex.quote(service.name)
    command = (
        "command -v sudo >/dev/null || echo there is no sudo >&2; "
        f'for v in {" ".join(verbs)}; do e=$(LC_ALL=C sudo -n -l systemctl "$v" -- {name} 2>&1 >/dev/null) || '
        f'echo "$v $(echo "$e" | head -n 1)"; done; echo {_LOOKED}'
    )
    return Part(f"rights.{node}", node_subject(node), NAMES, command, EVERY_S, partial(_parse, service.name, verbs))


def _parse(name: str, verbs: tuple[str, ...], result: CommandResult) -> dict[str, object]:
    """Return the commands that are denied, and why, as the first one was told.

    Raises:
        ValueError: Not all of them were asked about.
    """
    *lines, last = result.stdout.splitlines() or [""]
    denied = dict(line.partition(" ")[::2] for line in lines)
    if last != _LOOKED or not set(denied) <= set(verbs):
        raise ValueError("not an answer about what may be done")
    return {
        "service_denied": tuple(f"systemctl {verb} {name}" for verb in denied),
        "detail": plain(next(iter(denied.values()), ""), 160),
    }
