"""Commands that read logs, and what becomes of their lines."""

import pytest

from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.log import (
    NEAR_LINE,
    FoundLogs,
    LogSource,
    Splitter,
    cleaned,
    failure_of,
    follow_command,
    remark_on,
    tail_command,
)
from ppsconsole.drivers.log_finding import find_logs
from ppsconsole.drivers.nginx import log_files
from ppsconsole.errors import BadAnswer
from ppsconsole.inventory.model import Host, Inventory, SshAccess
from tests.unit.inventory_texts import changed, parsed

HOST = Host("db1", "a", "192.0.2.11", ssh=SshAccess(user="ops"))
FILE = LogSource("db1", HOST, "file", "/var/log/it's a log", "the inventory")
JOURNAL = LogSource("web1", HOST, "journal", "pps", "the service's unit")


def test_names_of_files_are_quoted() -> None:
    assert """-- '/var/log/it'"'"'s a log'""" in tail_command(FILE, 10)
    assert """-- '/var/log/it'"'"'s a log'""" in follow_command(FILE, 10)
    assert "journalctl -u pps --no-pager -o short-iso -n 10 -f" in follow_command(JOURNAL, 10)


def test_lines_are_made_harmless_masked_and_keep_their_indentation() -> None:
    splitter = Splitter()
    assert splitter.feed(b"\tat  x\x1b[2J\r\npassword=hunter2 is") == ["    at x?[2J"]
    assert splitter.feed(b" set\n\xff\n") == ["password=••• is set", "\ufffd"]
    assert splitter.feed(b"the end") == []
    assert splitter.end() == ["the end"]
    assert splitter.end() == []


def test_a_line_without_end_is_cut_instead_of_kept() -> None:
    splitter = Splitter()
    pieces = splitter.feed(b"x" * (3 * NEAR_LINE + 5))
    assert [len(piece) for piece in pieces] == [NEAR_LINE] * 2, "what lies behind a cut is seen before it is made"
    assert [len(piece) for piece in splitter.end()] == [NEAR_LINE, 5]
    assert splitter.end() == []


def test_nothing_of_a_line_is_a_command_for_the_terminal() -> None:
    assert cleaned("a\u202eb\x07\x9b31m") == "a?b??31m"


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        (FILE, "tail: cannot open '/x' for reading: Permission denied", "ops may not read /var/log/it's a log on db1"),
        (FILE, "tail: cannot open '/x' for reading: No such file or directory", "does not exist on db1; it is told by the inv"),
        (FILE, "tail: '/x' has been replaced;  following new file", "'/x' has been replaced; following new file"),
        (FILE, "LOG:  started", ""),
        (JOURNAL, "Hint: You are currently not seeing messages from other users and the system.", "the group systemd-journal"),
        (JOURNAL, "sh: 1: journalctl: not found", "db1 has no systemd journal that ops sees: name web1's"),
        (JOURNAL, "No journal files were found.", "db1 has no systemd journal that ops sees: name web1's log file"),
    ],
)
def test_messages_of_the_readers_are_told_with_what_to_do(source: LogSource, text: str, said: str) -> None:
    assert said in remark_on(source, text)
    assert bool(remark_on(source, text)) is bool(said)


def test_a_journal_that_is_refused_is_no_empty_log() -> None:
    refused = CommandResult(0, "-- No entries --\n", "Hint: You are currently not seeing messages from other users\n", 0.1)
    assert "may not read the whole journal" in failure_of(JOURNAL, refused)
    assert failure_of(JOURNAL, CommandResult(0, "a line\n", refused.stderr, 0.1)) == ""
    assert failure_of(JOURNAL, CommandResult(0, "-- No entries --\n", "", 0.1)) == ""
    assert "gave nothing (exit status 3): strange" in failure_of(FILE, CommandResult(3, "", "strange\n", 0.1))


def test_the_log_files_of_nginx() -> None:
    text = """
    error_log /var/log/nginx/error.log warn;
    http { access_log "/var/log/nginx/access log" combined buffer=1k; access_log off; access_log /dev/null;
      server { error_log stderr; access_log syslog:server=x; access_log /var/log/$host.log; access_log logs/x;
        access_log /var/log/pps.log; error_log /var/log/nginx/error.log; } }
    """
    assert log_files(text) == ("/var/log/nginx/error.log", "/var/log/nginx/access log", "/var/log/pps.log")


class Answers:
    """Shell and database that answer what they are told to."""

    def __init__(self, *, rows: object = (), stdout: str = "", status: int = 0) -> None:
        self.rows, self.result = rows, CommandResult(status, stdout, "no permission", 0.1)

    async def run(self, host, command, **more):
        assert "-T" in command
        return self.result

    async def query(self, instance, sql):
        if isinstance(self.rows, Exception):
            raise self.rows
        return self.rows


async def _found(inventory: Inventory, node: str, **answers: object) -> FoundLogs:
    double = Answers(**answers)  # type: ignore[arg-type]
    return await find_logs(inventory, node, double, double.query)  # type: ignore[arg-type]


def found(inventory: Inventory, node: str, **answers: object) -> tuple[list[str], str]:
    import asyncio

    logs = asyncio.run(_found(inventory, node, **answers))
    return [f"{each.kind} {each.place} by {each.told_by}" for each in logs.sources], logs.words


def test_where_the_logs_of_a_node_are_found() -> None:
    small = parsed(changed())
    assert found(small, "web1") == (["journal pps by the service's unit"], "")
    assert found(small, "db1", rows=[("log/pg.log", "/srv/data")]) == (
        ["file /srv/data/log/pg.log by db1: pg_current_logfile()"],
        "",
    )
    assert found(small, "db1", rows=[("/logs/pg.log", "/srv/data")])[0] == ["file /logs/pg.log by db1: pg_current_logfile()"]
    sources, words = found(small, "db1", rows=[(None, "/srv/data")])
    assert sources == []
    assert "logging_collector is off" in words
    assert words.endswith("No log of db1 is known: name the file on db1 in the inventory, as db1's log: PATH")
    assert "could not be asked for its log: denied" in found(small, "db1", rows=BadAnswer("denied"))[1]
    assert found(small, "lb1", stdout="error_log /e; http { access_log /a; }")[0] == [
        "file /e by nginx -T",
        "file /a by nginx -T",
    ]
    assert "nginx -T on bas failed: no permission" in found(small, "lb1", status=1)[1]
    assert found(small, "bas")[0] == ["journal ssh sshd by the unit of its SSH server"]


def test_what_the_inventory_names_is_not_asked_for() -> None:
    named = parsed(changed(("db1: {host: db1,", "db1: {host: db1, log: /var/log/pg.log,")))
    assert found(named, "db1", rows=BadAnswer("asked")) == (["file /var/log/pg.log by the inventory"], "")


def test_a_service_without_a_log_says_which_field_to_add() -> None:
    silent = parsed(changed(("{kind: systemd, name: pps}", "{kind: command, program: /x}")))
    assert found(silent, "web1") == (
        [],
        "No log of web1 is known: name the file on web1 in the inventory, as web1's log: PATH",
    )
