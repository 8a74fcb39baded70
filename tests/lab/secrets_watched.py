"""The passwords and keys of a lab, and that nobody could read one: in no process list, journal, folder on a host, or report."""

from collections.abc import Callable
from pathlib import Path

from tests.lab.conftest import Lab
from tests.lab.test_backup import files_below

_PASSFILES = ("etc/pgpass",)
_WHOLE = ("etc/database.password", "etc/admin.password", "etc/pps.key")


def secrets_of_lab(lab: Lab) -> dict[str, bytes]:
    """Return every password and key that lies on a host of the lab, by where it lies: those of replication and dumps, too."""
    found: dict[str, bytes] = {}
    for host in lab.state["hosts"]:
        home = lab.home(host)
        for name in (each for each in _PASSFILES if (home / each).exists()):
            for number, line in enumerate((home / name).read_text().splitlines()):
                found[f"{host} {name} {number}"] = line.rpartition(":")[2].encode()
        for name in (each for each in _WHOLE if (home / each).exists()):
            found[f"{host} {name}"] = (home / name).read_bytes().strip()
    return found


def nothing_told(
    lab: Lab, told: Callable[..., str], state: Path, arguments: set[bytes], programs: tuple[str, ...], run: str
) -> None:
    """Hold that no secret of the lab was told while programs that use them ran, nor afterwards.

    Args:
        lab: Whose secrets.
        told: Runs a command and returns what it printed.
        state: Folder of the console's state.
        arguments: Command lines that were seen (`arguments_of_all`).
        programs: Have to be among these: they take secrets.
        run: Its id.
    """
    secrets = secrets_of_lab(lab)
    assert {name.partition(" ")[2].partition(" ")[0] for name in secrets} >= {
        "etc/pgpass",
        "etc/database.password",
        "etc/pps.key",
    }
    assert all(len(each) >= 16 for each in secrets.values()), "short ones are found by chance"
    unseen = [name for name in programs if not any(name.encode() in each for each in arguments)]
    assert not unseen, f"{unseen} were not seen"
    hosts = [lab.home(host) / ".ppsconsole" for host in lab.state["hosts"]]
    written = {str(path): path.read_bytes() for path in files_below(state, *hosts)}
    assert sum(map(len, written.values())) > 10_000
    for command in (("report",), ("report", "--html"), ("report", "--markdown"), ("report", "--json"), ("show", "--json")):
        words = told("runs", command[0], run, *command[1:])
        assert run in words, words
        written[" ".join(command)] = words.encode()
    seen = [("a command line", each) for each in arguments]
    for place, text in (*seen, *written.items()):
        found = [name for name, secret in secrets.items() if secret in text]
        assert not found, f"{found} in {place}"
