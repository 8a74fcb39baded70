"""Does what preflight items tell an admin to do: the commands that they print, typed on the host that they name."""

import re
import shlex
from dataclasses import dataclass
from typing import Any

from tests.lab.conftest import Lab

_PLACE = re.compile(r"\b[Oo]n (?:the host of )?(\w+): ")
_PSQL = re.compile(r"""psql(?: -d \w+)?(?: -c "[^"]*")+(?: *\|[^;]*)?|psql -Atc "[^"]*"(?: *\|[^;]*)?""")
_NEXT = "; then "


@dataclass(frozen=True)
class Admin:
    """A superuser of the databases who is logged in to a lab's hosts, as remedies take for granted.

    Attributes:
        lab: The lab.
    """

    lab: Lab

    def follow(self, item: dict[str, Any], *, gid: str = "", database: str = "", pid: int = 0) -> str:
        """Type every command that the remedy of `item` prints, in its order; return what they said.

        Words in capitals are filled in from what an admin read before: GID, DATABASE, PID.
        """
        remedy = str(item["remedy"])
        for word, value in (("GID", gid), ("DATABASE", database), ("PID", str(pid))):
            remedy = re.sub(rf"\b{word}\b", value, remedy) if value else remedy
        found = _PLACE.search(remedy)
        assert found, f"it names no place: {remedy}"
        commands = commands_of(remedy[found.end() :])
        return "".join(self.type(found[1], each) for each in commands)

    def type(self, host: str, command: str) -> str:
        """Type one command on a host; return what it printed."""
        if command.startswith("psql"):
            port = self.lab.state["hosts"][host]["ports"]["db"]
            env = {"PGHOST": self.lab.address(host), "PGPORT": port, "PGUSER": "postgres", "PGDATABASE": "postgres"}
            env["PGPASSFILE"] = self.lab.home(host) / "etc" / "pgpass"
            told = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in env.items())
            command = f'export {told} PATH="$PATH:{self.lab.state["postgres"]["bin"]}"; {command}'
        done = self.lab.ssh(host, command)[0]
        assert done.exit_status == 0, f"{command}: {done.stdout}{done.stderr}"
        return str(done.stdout)


def commands_of(text: str) -> list[str]:
    """Return the commands that a remedy prints behind the place that it names: each `psql`, and what comes behind `; then`."""
    commands = []
    for part in text.split(_NEXT):
        commands += _PSQL.findall(part) or [part.strip()]
    return commands
