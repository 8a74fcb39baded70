"""Does another program on a host move databases, addresses or whole machines by itself? Asked of its process table."""

import re

from ppsconsole.cluster.facts import host_subject
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Host
from ppsconsole.probes.host import Part

NAMES = ("managers",)

KNOWN = (
    *("patroni", "repmgrd", "pg_autoctl", "stolon-keeper", "pacemakerd", "corosync", "pgpool"),
    *("keepalived", "vmtoolsd", "hv_kvp_daemon", "qemu-ga", "xe-daemon"),
)
"""Names of their programs, as the makers call them; a program of Python or of a shell is known by its script."""

_NONE_HIDDEN = "all"

# Only the names of programs leave the host: what stands behind them on a command line may be a password. Where /proc hides what
# belongs to others (hidepid) the first process cannot be seen, and not to see a manager means nothing.
_COMMAND = f"""ps -p 1 -o pid= >/dev/null && echo {_NONE_HIDDEN}
ps -e -o args= | awk '
    {{ n = split($1, path, "/"); print path[n] }}
    $1 ~ /(^|\\/)(python[0-9.]*|sh|bash|dash|java|perl|ruby)$/ {{
        for (i = 2; i <= NF && i <= 5; i++) {{ n = split($i, path, "/"); if ($i !~ /^-/) {{ print path[n]; break }} }} }}
' | grep -xE '({"|".join(KNOWN)}):?' | sort -u"""


def managers_part(host: Host, every_s: float) -> Part:
    """Return the question for other managers on `host`, a Linux host."""
    return Part("managers", host_subject(host.name), NAMES, _COMMAND, every_s, parse_managers)


def parse_managers(result: CommandResult) -> dict[str, object]:
    """Return the managers that run, by the names of their programs; an empty tuple when everything was seen and none does.

    Raises:
        ValueError: The process table could not be read, or only a part of it and nothing was found there.
    """
    lines = [line.strip().rstrip(":") for line in result.stdout.splitlines()]
    found = tuple(name for name in KNOWN if name in lines)
    if not found and _NONE_HIDDEN not in lines:
        raise ValueError("the processes of other users are hidden from this login, or there is no ps")
    if result.exit_status != 0 or not all(re.fullmatch(r"[\w.-]*", line) for line in lines):
        raise ValueError("not a list of programs")
    return {"managers": found}
