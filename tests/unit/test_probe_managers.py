"""Other managers on a host: known by their programs in its process table; where that is hidden, nothing is known."""

import subprocess
from pathlib import Path

import pytest

from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.model import Host
from ppsconsole.probes.managers import managers_part, parse_managers

PART = managers_part(Host("db1", "a", "127.0.0.1"), 30.0)

TABLE = """\
/sbin/init
/usr/bin/python3 -u /opt/patroni/bin/patroni /etc/patroni.yml --password=hunter2
/bin/sh /usr/lib/nothing
vim patroni
corosync: worker
/usr/sbin/keepalived --dont-fork
[kworker/0:1]
"""


def asked(folder: Path, program: str) -> CommandResult:
    """Run the question's own text with `program` as ps."""
    (folder / "ps").write_text(f"#!/bin/sh\n{program}\n")
    (folder / "ps").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", PART.command], env={"PATH": f"{folder}:/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    return CommandResult(done.returncode, done.stdout.strip("\n"), done.stderr, 0.1)


def table(folder: Path, text: str, first: str = "echo 1") -> CommandResult:
    (folder / "table").write_text(text)
    return asked(folder, f"""case "$*" in *' 1 '*) {first} ;; *) cat {folder}/table ;; esac""")


def test_managers_are_known_by_program_and_script_and_nothing_else_leaves_the_host(tmp_path: Path) -> None:
    result = table(tmp_path, TABLE)
    assert parse_managers(result) == {"managers": ("patroni", "corosync", "keepalived")}
    assert "hunter2" not in result.stdout
    assert "init" not in result.stdout


def test_a_host_without_any_says_so(tmp_path: Path) -> None:
    assert parse_managers(table(tmp_path, "/sbin/init\n")) == {"managers": ()}


@pytest.mark.parametrize("first", ["false", "echo no such process >&2; exit 1"])
def test_hidden_processes_are_unknown_not_none(tmp_path: Path, first: str) -> None:
    with pytest.raises(ValueError, match="hidden"):
        parse_managers(table(tmp_path, "-sh\n", first))


def test_one_that_is_seen_is_told_though_others_are_hidden(tmp_path: Path) -> None:
    assert parse_managers(table(tmp_path, TABLE, "false")) == {"managers": ("patroni", "corosync", "keepalived")}


def test_no_ps_at_all_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no ps"):
        parse_managers(asked(tmp_path, "exit 127"))
