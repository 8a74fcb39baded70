"""Which members an nginx upstream sends users to: the include file rewritten. No IO."""

import re
from collections.abc import Mapping

from ppsconsole.drivers.nginx import ServerLine
from ppsconsole.errors import BadAnswer

_SERVER = re.compile(r"(?P<head>(?:^|(?<=[\s;{}]))server\s+)(?P<address>[^\s;{}]+)(?P<rest>[^;{}]*);")


def rewritten(text: str, wanted: Mapping[str, bool]) -> str:
    """Return the include file `text` with the members set up or down; everything else stays as it is, comments as well.

    A member is never left as `backup`: nginx would go to it, and back, by itself (law 4).

    Args:
        text: The file; each `server` of it on one line.
        wanted: For each address whether it is up.

    Raises:
        BadAnswer: A member is not in the file, or twice.
    """
    found: dict[str, int] = dict.fromkeys(wanted, 0)

    def changed(match: re.Match[str]) -> str:
        address = match["address"]
        if address not in wanted:
            return match[0]
        found[address] += 1
        kept = [word for word in match["rest"].split() if word not in ("down", "backup")]
        words = [address, *kept, *([] if wanted[address] else ["down"])]
        return f"{match['head']}{' '.join(words)};"

    lines = []
    for line in text.splitlines(keepends=True):
        code, mark, comment = line.partition("#")
        lines.append(_SERVER.sub(changed, code) + mark + comment)
    for address, number in found.items():
        if number != 1:
            raise BadAnswer(f"the include file has {number} servers {address}, where one is declared")
    return "".join(lines)


def up_in(text: str) -> frozenset[str]:
    """Return the addresses of the include file `text` that are asked: neither down nor for when all others fail."""
    servers = (match for line in text.splitlines() for match in _SERVER.finditer(line.partition("#")[0]))
    return frozenset(each["address"] for each in servers if not {"down", "backup"} & set(each["rest"].split()))


def differing(servers: tuple[ServerLine, ...], wanted: Mapping[str, bool]) -> list[str]:
    """Return what is not as wanted in the configuration that nginx itself printed, each in words."""
    seen = {line.address: line for line in servers}
    wrong = []
    for address, is_up in wanted.items():
        line = seen.get(address)
        if line is None:
            wrong.append(f"{address} is no member")
        elif line.is_backup or line.is_down == is_up:
            wrong.append(f"{address} is {'backup' if line.is_backup else 'down' if line.is_down else 'up'}")
    return wrong
