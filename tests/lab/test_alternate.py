"""The vendor's first procedure on a real lab: an alternate server is prepared, both sites are lost, and users get in there."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from ssl import create_default_context

import pytest

from tests.lab.conftest import Lab
from tests.lab.test_run_commands import Desk

STATEMENT = "both sites are without power, told by phone"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    base = tmp_path_factory.mktemp("alternate")
    lab = Lab(base / "cluster", {"XDG_STATE_HOME": str(base / "state")})
    done = lab.up("--profile", "alternate")
    assert done.returncode == 0, done.stderr
    yield Desk(lab, base / "console")
    assert lab.down().returncode == 0


def _run(desk: Desk, runbook: str, node: str, *flags: str) -> "subprocess.CompletedProcess[str]":
    plan = desk.json("plan", runbook, node)
    blockers = [item for item in plan["preflight"] if item["is_blocking"] and item["state"] == "failing"]
    assert blockers == []
    return desk("run", runbook, node, "--approve", plan["hash"], *flags)


def _node(desk: Desk, name: str) -> dict[str, object]:
    return next(node for node in desk.json("status")["nodes"] if node["name"] == name)


def _token(desk: Desk, url: str) -> str:
    """Log in as a client does, with the certificate checked; return the token."""
    trusted = create_default_context(cafile=str(desk.lab.folder / "ca.pem"))
    password = (desk.lab.folder / "admin.password").read_text().strip()
    form = urllib.parse.urlencode({"grant_type": "password", "username": "admin", "password": password}).encode()
    with urllib.request.urlopen(f"{url}/OAuth2/Token", data=form, timeout=60, context=trusted) as answer:
        return str(json.load(answer)["access_token"])


def test_both_sites_are_lost_and_users_get_in_at_the_alternate_server(desk: Desk) -> None:
    done = _run(desk, "backup", "vault")
    assert done.returncode in (0, 8), done.stdout + done.stderr
    done = _run(desk, "alternate-prepare", "alt1")
    assert done.returncode == 0, done.stdout + done.stderr
    ready = _node(desk, "alt1")
    assert (ready["words"], ready["role"]) == ("ready", "alternate")
    (copy,) = ready["facts"]["copies"]["value"]  # type: ignore[index]
    assert copy["is_verified"]

    for site in ("site-a", "site-b"):
        desk.lab.fault("kill", site)
    # Nobody can see that the databases are down, so nothing is begun before somebody states it (law 1).
    refused = desk("run", "alternate-activate", "alt1", "--accept-loss", "26h")
    assert refused.returncode == 3
    assert "--attest was not given" in refused.stderr
    assert desk.lab.nodes()["alt1"]["state"] == "stopped"
    done = _run(desk, "alternate-activate", "alt1", "--accept-loss", "26h", "--attest", STATEMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    url = desk.lab.road("users>alt1:pps")
    new = f"https://{url[0]}:{url[1]}"
    assert f"The password server is reached at {new} until further notice" in done.stdout
    assert "browser plug-in" in done.stdout

    assert _token(desk, new)
    active = desk.json("status")
    alt1 = next(node for node in active["nodes"] if node["name"] == "alt1")
    assert alt1["words"] == "ACTIVE"
    assert "split_brain" not in {each["rule"] for each in active["judgements"]}
    report = desk("runs", "report")
    assert "Tell users" in report.stdout
    assert STATEMENT in report.stdout
