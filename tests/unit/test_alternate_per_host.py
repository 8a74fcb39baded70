"""What does not travel with a database, asked on an alternate server's own host and compared with the web nodes."""

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ppsconsole.actions.base import Workbench
from ppsconsole.actions.bundle_collect import collect
from ppsconsole.actions.bundle_verify import VerifyBundle
from ppsconsole.actions.dump_source import dump_source
from ppsconsole.actions.registry import ACTIONS
from ppsconsole.clock import HeldClock
from ppsconsole.cluster.keys import KeyFile
from ppsconsole.drivers.base import CommandResult
from ppsconsole.inventory.dependencies import Scratch
from ppsconsole.inventory.model import Host, Service
from ppsconsole.lab.certificates import Authority
from ppsconsole.plan.preflight import Item
from ppsconsole.probes.host import Part
from ppsconsole.probes.per_host import compared_parts, own_parts, parse_account, parse_certificate, parse_connection
from ppsconsole.runbooks.building import Background
from ppsconsole.runbooks.catalog import plan_of
from ppsconsole.runbooks.request import Request
from tests.unit import runbook_cases
from tests.unit.alternate_cases import COPY, OFFER, beside, declared, lost
from tests.unit.observations import NOW, change, look
from tests.unit.runbook_cases import Found, fine

CONFIG = "/etc/pps/pps.conf"
DECLARED = {"connection": "/bin/pps-connection", "certificate": "/etc/pps/server.pem", "same_files": (CONFIG,)}


def well(found: Found | None = None) -> Found:
    """Return the facts of a well alternate server, and of web nodes that are like it."""
    found = beside(fine(), COPY) if found is None else found
    change(
        found,
        "alt1",
        service_account="pps",
        own_connection="host=alt1 port=5432 dbname=pleasant user=pps",
        certificate_file_ends_at=NOW + 90 * 86400.0,
        certificate_file_names=("alt1", "127.9.3.11"),
        same_files=(KeyFile(CONFIG, "ok", "aa"),),
    )
    for name in ("pps1", "pps2"):
        change(found, name, service_account="pps", same_files=(KeyFile(CONFIG, "ok", "aa"),))
    return found


def items(found: Found, runbook: str = "alternate-prepare", **changes: object) -> dict[str, Item]:
    inventory = declared(**{**DECLARED, **changes})
    background = Background(offered=(OFFER,))
    snapshot = look(found, declared=inventory)
    request = Request(runbook, node="alt1")
    made = plan_of(inventory, snapshot, request, lambda known, step: ACTIONS[step.verb].commands(known, step), background)
    return {each.name: each for each in made.preflight}


NAMES = ("own-connection", "own-certificate", "own-port", "service-account", "own-settings")


class Shell:
    """A host whose program tells a setting, and whose key file can be read."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def run(self, host: Host, command: str, **_: object) -> CommandResult:
        self.asked.append(command)
        said = "c2VjcmV0\n" if "base64" in command else "host=alt1 port=5432 dbname=pleasant user=pps password=x\n"
        return CommandResult(0, said, "", 0.1)


def test_a_bundle_of_an_activated_one_has_its_connection_setting_or_says_how_to_have_it() -> None:
    inventory, shell = declared(**DECLARED), Shell()
    source = dump_source(inventory, "alt1")
    collected = asyncio.run(collect(inventory, source.web_nodes, shell))
    assert (collected.settings, collected.lacks) == (("alt1",), ())
    assert collected.files["settings/alt1.txt"].startswith(b"host=alt1 port=5432 dbname=pleasant")
    assert "/bin/pps-connection get" in shell.asked
    inventory = declared()
    collected = asyncio.run(collect(inventory, dump_source(inventory, "alt1").web_nodes, shell))
    assert collected.settings == ()
    assert collected.lacks == ("connection setting of alt1: no program can tell it (declare its `connection`)",)


@pytest.mark.parametrize("lacks", [(), ("connection setting of alt1: no program can tell it",)])
def test_a_bundle_that_restores_says_what_it_lacks_all_the_same(lacks: tuple[str, ...]) -> None:
    plain = fine()
    place = replace(declared().backups["vault"], scratch=Scratch("alt1", "/scratch"))
    inventory = replace(declared(), backups={"vault": place})
    made = plan_of(
        inventory,
        look(plain, declared=inventory),
        Request("backup-verify", node="vault"),
        lambda known, step: ACTIONS[step.verb].commands(known, step),
    )
    step = next(each for each in made.steps if each.verb == "verify-bundle")
    hosts = SimpleNamespace(look=gone)
    bench = Workbench(inventory, made, "0123abcd", HeldClock(), None, hosts, print)
    bench.note(step, bundle="pps-1", compared="3 tables, 9 rows", keys=1, lacks=list(lacks))
    found = asyncio.run(VerifyBundle().verify(bench, step))
    assert found.state == "yes"
    assert ("NOT in it: connection setting of alt1" in found.words) == bool(lacks)
    assert found.values["lacks"] == list(lacks)


async def gone(host: str, command: str, **_: object) -> CommandResult:
    """Say that nothing is left of a scratch server."""
    return CommandResult(0, "", "", 0.1)


def test_what_is_like_the_web_nodes_is_ok_in_both_plans() -> None:
    assert {name: items(well())[name].state for name in NAMES} == dict.fromkeys(NAMES, "ok")
    # Where both sites are silent there is nothing to compare with: what can be told of itself still is.
    told = items(well(lost(COPY)), "alternate-activate")
    assert {name for name in NAMES if told[name].state == "ok"} >= {"own-connection", "own-certificate", "own-port"}


@pytest.mark.parametrize(
    ("node", "changes", "item", "said"),
    [
        ("alt1", {"own_connection": "host=db1 port=5432 dbname=pleasant"}, "own-connection", "names host db1"),
        ("alt1", {"own_connection": "host=alt1 dbname=other"}, "own-connection", "names database other"),
        ("alt1", {"own_connection": "host=alt1 dbname=pleasant user=x"}, "own-connection", "user x instead of pps"),
        ("alt1", {"own_connection": "host=alt1 port=6432 dbname=pleasant"}, "own-connection", "port 6432"),
        ("alt1", {"certificate_file_names": ("web1",)}, "own-certificate", "covers web1, and not 127.9.3.11"),
        ("alt1", {"certificate_file_ends_at": NOW + 86400.0}, "own-certificate", "its certificate ends 2026-"),
        ("alt1", {"tcp": "timed-out"}, "own-port", "a firewall may be between"),
        ("alt1", {"tcp": "ok"}, "own-port", "something takes connections on port 8443"),
        ("alt1", {"service_account": "root"}, "service-account", "alt1 runs as root, pps1 as pps, pps2 as pps"),
        ("pps2", {"service_account": "svc"}, "service-account", "alt1 runs as pps, pps2 as svc"),
        ("pps1", {"same_files": (KeyFile(CONFIG, "ok", "bb"),)}, "own-settings", f"{CONFIG} is not as on pps1"),
        ("alt1", {"same_files": (KeyFile(CONFIG, "missing", ""),)}, "own-settings", f"{CONFIG} is missing"),
    ],
)
def test_what_differs_is_told_with_a_remedy_and_blocks_nothing(node: str, changes: dict, item: str, said: str) -> None:
    found = well()
    change(found, node, **changes)
    told = items(found)[item]
    assert (told.state, told.is_blocking) == ("failing", False)
    assert said in told.words
    assert told.remedy


@pytest.mark.parametrize(
    ("node", "changes", "item"),
    [
        ("alt1", {"own_connection": None}, "own-connection"),
        ("alt1", {"certificate_file_names": None}, "own-certificate"),
        ("alt1", {"tcp": None}, "own-port"),
        ("alt1", {"service_account": None}, "service-account"),
        ("alt1", {"same_files": None}, "own-settings"),
    ],
)
def test_what_nobody_could_see_is_never_ok(node: str, changes: dict, item: str) -> None:
    found = well()
    change(found, node, **changes)
    assert items(found)[item].state == "not checked"


def test_what_is_not_declared_is_said_to_be_not_compared() -> None:
    told = items(beside(fine(), COPY), connection=None, certificate=None, same_files=())
    assert {told[name].state for name in ("own-connection", "own-certificate", "own-settings")} == {"not checked"}
    assert "`same_files`" in told["own-settings"].remedy
    moved = items(well(), moves_alias="127.9.1.10")["own-certificate"]
    assert (moved.state, "not 127.9.1.10" in moved.words) == ("failing", True)


def test_a_port_that_users_do_not_know_is_told() -> None:
    told = items(well(), url="https://127.9.3.11:10001")["own-port"]
    assert (told.state, "would have to type 10001" in told.words) == ("failing", True)


# --- asked on the host ------------------------------------------------------------------------------------------------


def _asked(part: Part | None) -> dict[str, object]:
    assert part is not None
    done = subprocess.run(["/bin/sh", "-c", part.command], capture_output=True, text=True, check=False)
    return part.parse(CommandResult(done.returncode, done.stdout, done.stderr, 0.0))


def test_a_host_tells_its_own_and_no_more_than_a_mark_of_a_file(tmp_path: Path) -> None:
    pem = Authority("t").issue(["alt.example.org", "127.9.3.11"])
    certificate, program, file = tmp_path / "it's.pem", tmp_path / "pps-connection", tmp_path / "pps.conf"
    certificate.write_text(pem.key + pem.certificate)
    program.write_text("#!/bin/sh\necho host=alt1 port=5432 dbname=pleasant user=pps password=s3cret\n")
    program.chmod(0o700)
    file.write_text("s3cret")
    inventory = declared(connection=str(program), certificate=str(certificate), same_files=(str(file),), key_files=(str(file),))
    account, connection, shown, files = map(_asked, own_parts(inventory, inventory.alternates["alt1"]))
    assert account["service_account"] == file.owner()
    assert connection["own_connection"] == "host=alt1 port=5432 dbname=pleasant user=pps"
    assert shown["certificate_file_names"] == ("alt.example.org", "127.9.3.11")
    (seen,) = files["same_files"]  # type: ignore[misc]
    assert (seen.path, seen.state, len(seen.mark)) == (str(file), "ok", 12)
    _, theirs = compared_parts(inventory, inventory.web_nodes["pps1"])
    assert _asked(theirs)["same_files"] == files["same_files"]
    assert "s3cret" not in str((account, connection, shown, files))
    done = subprocess.run(["/bin/sh", "-c", own_parts(inventory, inventory.alternates["alt1"])[2].command], capture_output=True)
    assert b"PRIVATE KEY" not in done.stdout, "of a file that has both only the certificate leaves the host"


def test_nothing_of_it_is_asked_where_no_alternate_server_is_declared() -> None:
    plain = runbook_cases.declared()
    assert compared_parts(plain, plain.web_nodes["pps1"]) == ()
    unit = replace(plain.web_nodes["pps1"], service=Service("systemd", name="pps"))
    part, _ = compared_parts(declared(), unit)
    assert part is not None
    assert "systemctl show -p User --value -- pps" in part.command


@pytest.mark.parametrize(
    ("parse", "status", "said"),
    [
        (parse_account, 0, "\n"),
        (parse_account, 1, "pps"),
        (parse_account, 0, "a; rm -rf /"),
        (parse_connection, 1, "dbname=pleasant"),
        (parse_connection, 0, "host=alt1"),
        (lambda found: parse_certificate("x", found), 0, "no such thing"),
        (lambda found: parse_certificate("x", found), 0, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
    ],
)
def test_what_is_no_answer_is_no_fact(parse: object, status: int, said: str) -> None:
    with pytest.raises(ValueError, match=r"no |failed"):
        parse(CommandResult(status, said, "", 0.0))  # type: ignore[operator]
