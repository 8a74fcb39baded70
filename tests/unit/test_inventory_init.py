"""`inventory init` without any host: what is asked, what is refused, what is written, and what a host's answer means."""

import asyncio
import os
import stat
from pathlib import Path

import pytest
import yaml

from ppsconsole.cli.main import run
from ppsconsole.drivers.base import CommandResult
from ppsconsole.errors import InventoryError, UsageError
from ppsconsole.inventory import draft
from ppsconsole.inventory.answers import ASKS, Answers, Login, ask_for, faults, login, place
from ppsconsole.inventory.find import free_place
from ppsconsole.inventory.found import Found, FoundFront, FoundHost, FoundInstance, FoundMember, FoundService, FoundWeb
from ppsconsole.inventory.load import parse
from ppsconsole.inventory.putting import put
from ppsconsole.inventory.writing import write
from ppsconsole.probes.discover import provisional_hosts, with_names
from ppsconsole.probes.discover_host import look_at_host
from ppsconsole.probes.interview import Interview
from tests.unit.inventory_texts import SMALL

SAID = Answers(
    cluster="demo",
    ssh=("ops@db1.example.org", "db2.example.org:2222", "b=192.0.2.21", "192.0.2.31"),
    bastion=("b=[2001:db8::1]:2200", "b=jump@192.0.2.2"),
    db="db1.example.org",
    db_name="pps",
    db_user="console",
)


def found(**more: object) -> Found:
    """Two databases, a web node and a balancer, with all kinds of doubt."""
    hosts = (
        FoundHost("db1", login(SAID.ssh[0]), hostname="db1", system="Debian", postgres_programs={"/d": "/usr/lib/pg/bin"}),
        FoundHost("db2", login(SAID.ssh[1]), trouble="no answer"),
        FoundHost("web1", login(SAID.ssh[2]), hostname="WEB1", platform="windows", connection="elsewhere"),
        FoundHost(
            "lb1",
            login(SAID.ssh[3]),
            hostname="lb1",
            front=FoundFront(
                "/etc/nginx.conf", {"pps": (FoundMember("192.0.2.21:443", False), FoundMember("10.0.0.9:443", True))}
            ),
        ),
    )
    instances = (
        FoundInstance("db1", 5432, "primary", "7", "/d"),
        FoundInstance("db2", 5432, "unknown", trouble="refused"),
    )
    return Found(hosts, instances, (FoundWeb("web1", 10001),), (("10.0.0.9", "db1 replicates with it"),))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("h", Login("main", "h")),
        ("a=ops@h:22", Login("a", "h", "ops", 22)),
        ("b=[2001:db8::1]:2200", Login("b", "2001:db8::1", None, 2200)),
        (r"CORP\anna@h.example.org", Login("main", "h.example.org", r"CORP\anna")),
    ],
)
def test_hosts_are_named_as_for_ssh(words: str, wanted: Login) -> None:
    assert login(words) == wanted


@pytest.mark.parametrize("words", ["", "a b", "h:0", "h:65536", "A=h", "@h", "-oProxyCommand=x", "h;reboot"])
def test_what_names_no_host_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="names no host"):
        login(words)
    with pytest.raises(UsageError, match="is no HOST"):
        place(words, 1)


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inventory", "init", "--out", str(tmp_path / "new.yaml")]) == 2
    told = capsys.readouterr().err
    for flag in ("--cluster", "--ssh", "--db", "--db-name", "--db-user", "--yes"):
        assert f"{flag} is missing" in told
    assert "nothing was looked at and nothing written" in told
    assert os.listdir(tmp_path) == []


def test_a_typed_password_is_refused_and_never_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inventory", "init", "--yes", "--cluster", "x", "--ssh", "h", "--db", "h", "--db-name", "p", "--db-user", "u"]
    assert run([*words, "--db-password-ref", "hunter2secret", "--out", str(tmp_path / "new.yaml")]) == 2
    told = capsys.readouterr()
    assert "hunter2secret" not in told.out + told.err
    assert "env:NAME, file:PATH, keyring:SERVICE/USER or command:PROGRAM" in told.err
    assert ask_for("db_password_ref").refused("env:PGPASS") == ""
    assert ask_for("db_password_ref").refused("command:vault --token=abcdef1") != ""


def test_other_wrong_answers_are_told_with_what_is_allowed(tmp_path: Path) -> None:
    wrong = faults(
        Answers(**{**_plain(SAID), "db_tls": "maybe", "front": "passwords", "key": str(tmp_path / "no"), "mode": "fast"})
    )
    assert len(wrong) == 4
    assert any("disable, prefer, require" in each for each in wrong)
    assert faults(SAID) == ()
    assert faults(SAID.having("ssh", "a@h h:22"))[0] == "h:22 is named twice"


def test_what_is_doubtful_is_a_comment_with_the_reason_and_the_rest_is_an_inventory() -> None:
    answers = SAID.having("web_service", "windows-service:Pleasant Password Server")
    text = write(answers, found(), "2026-01-01")
    inventory = parse(text.encode(), "x.yaml")
    assert inventory.cluster.mode == "active-passive"
    assert [each.declared for each in inventory.database.instances.values()] == ["primary", "standby"]
    assert inventory.hosts["web1"].platform == "windows"
    assert inventory.balancers["lb1"].members == {"192.0.2.21:443": "web1"}
    for words in (
        "db2:  # NOT REACHED: no answer",
        "db2:  # NOT ASKED: refused",
        "declared: standby  # assumed, its role was not seen",
        "# 10.0.0.9:443: WEB-NODE",
        "# proof_header: X-PPS-Upstream",
        "# include: /etc/nginx/conf.d/pps-upstream.conf",
        "# database: its setting names elsewhere",
        "# 10.0.0.9: db1 replicates with it",
    ):
        assert words in text, words
    for line in text.splitlines():
        if line.lstrip().startswith("# disks:"):
            assert yaml.safe_load(line.lstrip()[2:]) == {"disks": ["/", "/d"]}, "a comment becomes a setting without its mark"


def test_no_text_of_a_host_leaves_its_comment() -> None:
    evil = FoundHost("db1", login("h"), trouble="x\nssh:\n  user: root")
    text = write(SAID, Found((evil,), (FoundInstance("db1", 1, "unknown", trouble="y\n\ncluster: {}"),)), "now")
    assert "ssh" not in yaml.safe_load(text)
    assert yaml.safe_load(text)["cluster"]["name"] == "demo"


def test_two_nodes_on_one_host_get_names_of_their_own() -> None:
    service = FoundService("systemd", "x")
    front = FoundFront("", {"u": (FoundMember("h:1", False),)})
    one = FoundHost("h", login("h"), hostname="h", web_service=service, front=front)
    text = write(SAID, Found((one,), (FoundInstance("h", 1, "primary"),), (FoundWeb("h", 10001),)), "now")
    inventory = parse(text.encode(), "x.yaml")
    assert (*inventory.database.instances, *inventory.web_nodes, *inventory.balancers) == ("h", "h-web", "h-front")


def test_hosts_are_called_as_they_call_themselves_each_by_a_name_of_its_own() -> None:
    hosts = [
        FoundHost("10.0.0.1", login("10.0.0.1"), hostname="DB1.example.org"),
        FoundHost("10.0.0.2", login("10.0.0.2"), hostname="db1.other.org", via=("10.0.0.1",)),
        FoundHost("10.0.0.3:2222", login("10.0.0.3:2222")),
        FoundHost("10.0.0.4", login("10.0.0.4"), hostname="console"),
    ]
    named = with_names(hosts)
    assert [each.name for each in named] == ["db1", "db1-2", "host-10-0-0-3-2222", "host-10-0-0-4"]
    assert named[1].via == ("db1",)


def test_bastions_of_a_site_are_a_chain() -> None:
    hosts = provisional_hosts(SAID)
    assert hosts["192.0.2.21"].via == ("[2001:db8::1]:2200", "192.0.2.2")
    assert hosts["192.0.2.2"].via == ("[2001:db8::1]:2200",)
    assert hosts["db1.example.org"].via == ()


# writing --------------------------------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all_and_never_over_another(tmp_path: Path) -> None:
    place_ = tmp_path / "new" / "inventory.yaml"
    with pytest.raises(InventoryError):
        put(SMALL.replace("kind: postgres", "kind: oracle"), str(place_))
    assert os.listdir(place_.parent) == []
    inventory, aside = put(SMALL, str(place_))
    assert (inventory.cluster.name, aside) == ("demo", "")
    assert stat.S_IMODE(place_.stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="is there already"):
        put(SMALL, str(place_))
    _, aside = put(SMALL.replace("name: demo", "name: other"), str(place_), is_old_set_aside=True)
    assert Path(aside).read_text() == SMALL
    assert "name: other" in place_.read_text()
    assert aside.endswith(".old"), "it must not be found as one more inventory"
    place_.unlink()
    place_.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is there already"):
        put(SMALL, str(place_))


def test_answers_survive_in_a_draft_that_only_their_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "state" / "draft.json"
    assert draft.kept(path) is None
    draft.keep(SAID, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert draft.kept(path) == SAID
    for broken in ("", "[1]", '{"cluster": 5, "db_password_ref": "hunter2"}'):
        path.write_text(broken)
        assert draft.kept(path) is None, "what nobody would accept as an answer is asked for again"
    draft.drop(path)
    draft.drop(path)


def test_a_new_inventory_goes_beside_those_that_are_there(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert free_place("EU Prod!", environ) == tmp_path / "ppsconsole" / "inventory.yaml"
    (tmp_path / "ppsconsole").mkdir()
    (tmp_path / "ppsconsole" / "inventory.yaml").touch()
    assert free_place("EU Prod!", environ) == tmp_path / "ppsconsole" / "inventories" / "eu-prod.yaml"


def test_questions_come_in_rounds_and_can_be_taken_back(tmp_path: Path) -> None:
    interview = Interview(None, tmp_path / "draft.json")
    first = interview.question()
    assert first is not None
    assert interview.answer(first, "  ") == "Name of the cluster: an answer is needed"
    assert interview.answer(first, "demo") == ""
    assert not tmp_path.joinpath("draft.json").read_text().count("hunter2")
    assert interview.question() is ASKS[1]
    assert interview.back()
    assert interview.question() is first
    assert interview.offer(first) == "demo"
    assert not interview.back()
    assert Interview(draft.kept(tmp_path / "draft.json")).offer(first) == "demo"


# what a host's answer means -------------------------------------------------------------------------------------------


class Answering:
    """A shell that answers each command from a function."""

    def __init__(self, *answers: CommandResult) -> None:
        self._answers = list(answers)

    async def run(self, host: object, command: str, **_: object) -> CommandResult:
        return self._answers.pop(0)


def look(*answers: CommandResult) -> FoundHost:
    hosts = provisional_hosts(SAID)
    first = FoundHost("192.0.2.31", login("192.0.2.31"))
    return asyncio.run(look_at_host(first, hosts["192.0.2.31"], Answering(*answers)))  # type: ignore[arg-type]


def output(**parts: tuple[int, str]) -> CommandResult:
    text = "".join(f"@@ppsconsole {key}\n{body}\n\n@@ppsconsole-end {status}\n" for key, (status, body) in parts.items())
    return CommandResult(0, text, "", 0.1)


def test_a_debian_host_tells_its_units_programs_and_upstreams() -> None:
    units = """\
nginx.service               loaded    active   running A high performance web server
pleasant-import.service     loaded    inactive dead    Import
pps.service                 loaded    active   running Pleasant
postgresql.service          loaded    active   exited  PostgreSQL RDBMS
postgresql@15-main.service  loaded    active   running PostgreSQL Cluster 15-main
patroni.service             not-found inactive dead    patroni.service
"""
    nginx = """\
# configuration file /etc/nginx/nginx.conf:
http { include conf.d/*.conf; upstream other { server 10.0.0.1; } }
# configuration file /etc/nginx/conf.d/pps-upstream.conf:
# ours { alone
upstream pps {
    server 10.0.1.1:10001;
    server 10.0.1.2:10001 down;
}
# configuration file /etc/nginx/conf.d/site.conf:
server { add_header X-PPS-Upstream $upstream_addr always; location / { proxy_pass https://pps; } }
"""
    host = look(
        output(
            system=(0, "lb1\nLinux\nDebian GNU/Linux 12"),
            units=(0, units),
            processes=(0, "/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main -c config_file=/etc/x"),
            tools=(1, ""),
            programs=(1, ""),
            connection=(1, ""),
            nginx=(0, nginx),
        )
    )
    assert (host.hostname, host.system, host.trouble) == ("lb1", "Debian GNU/Linux 12", "")
    assert host.database_service == FoundService("systemd", "postgresql@15-main")
    assert host.web_service == FoundService("systemd", "pps")
    assert host.front_service == FoundService("systemd", "nginx")
    assert host.postgres_programs == {"/var/lib/postgresql/15/main": "/usr/lib/postgresql/15/bin"}
    assert host.front is not None
    assert host.front.config == "/etc/nginx/nginx.conf"
    assert host.front.files == {"pps": "/etc/nginx/conf.d/pps-upstream.conf"}
    assert [each.is_waiting for each in host.front.upstreams["pps"]] == [False, True]
    assert host.front.proof_header == "X-PPS-Upstream"


def test_a_database_that_another_manager_owns_is_left_to_it() -> None:
    units = "patroni.service loaded active running P\npostgresql.service loaded inactive dead D"
    host = look(output(system=(0, "db1\nLinux\nDebian"), units=(0, units)))
    assert host.database_service is not None
    assert "patroni runs here and owns it" in host.database_service.remark


def test_a_windows_host_is_told_by_its_second_answer() -> None:
    host = look(CommandResult(1, "", "'printf' is not recognized", 0.1), CommandResult(0, "PPSWEB1\r\n", "", 0.1))
    assert (host.platform, host.hostname) == ("windows", "PPSWEB1")
    assert host.web_service is not None
    assert host.web_service.name == "Pleasant Password Server"
    neither = look(CommandResult(1, "", "Invalid command", 0.1), CommandResult(127, "", "Invalid\x1b[2J command", 0.1))
    assert "neither a POSIX shell nor Windows" in neither.trouble
    assert "\x1b" not in neither.trouble


def _plain(answers: Answers) -> dict[str, object]:
    return {ask.name: getattr(answers, ask.name) for ask in ASKS}


def test_what_starts_a_web_node_that_was_not_reached_is_assumed_from_another_one() -> None:
    reached = FoundHost("web1", login("w1"), hostname="web1", web_service=FoundService("systemd", "pps"))
    lost = FoundHost("web2", login("w2"), via=("b",), trouble="no answer")
    bastion = FoundHost("b", login("b"), is_bastion=True, trouble="no answer")
    known = Found((bastion, reached, lost), (FoundInstance("web1", 5432, "primary"),), (FoundWeb("web1", 1), FoundWeb("web2", 1)))
    text = write(SAID, known, "now")
    assert "service: {kind: systemd, name: pps}  # assumed: as on web1" in text
    parse(text.encode(), "x.yaml")
    assert known.obstacle(lost) == "bastion b was not reached", "so nothing behind it is tried a second time"
    assert known.obstacle(reached) == ""
