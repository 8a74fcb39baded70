"""A cluster in network namespaces: OpenSSH through two bastions, an agent, certificates on both sides, sudo as the README says.

One cluster for all stories. Whatever is cut, at most one of the two databases takes writes, and both are asked themselves.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab.netns.cluster import UNITS, Cluster, reason_to_skip
from tests.lab.netns.logins import OPS, POSTGRES
from tests.lab.test_run_commands import Desk

LIMIT_S = 180.0


@dataclass
class Console(Desk):
    """`ppsconsole` on the console's machine, which reaches nothing but the outer bastion."""

    limit_s: float = LIMIT_S

    def seen(self) -> dict[str, Any]:
        """Return the nodes of one snapshot, by name."""
        return {node["name"]: node for node in self.json("status")["nodes"]}

    def _line(self, *arguments: str) -> list[str]:
        return self.lab.hosts["console"].over_its_network(*super()._line(*arguments))

    def _env(self) -> dict[str, str]:
        return {**super()._env(), **self.lab.env}


@pytest.fixture(scope="module")
def cluster(root: Path) -> Iterator[Cluster]:
    if reason := reason_to_skip():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="ppsconsole-test-") as folder:
        made = Cluster(Path(folder), root)
        try:
            made.start()
            yield made
        finally:
            made.end()


@pytest.fixture(scope="module")
def console(cluster: Cluster) -> Console:
    return Console(cluster, cluster.folder / "state")


def test_all_is_seen_through_the_chain_by_certificates(cluster: Cluster, console: Console) -> None:
    seen = console.seen()
    assert {name: node["verdict"] for name, node in seen.items()} == dict.fromkeys(("outer", "inner", "web1", "db1", "db2"), "ok")
    assert (seen["db1"]["role"], seen["db2"]["role"]) == ("primary", "standby")
    accepted = (cluster.hosts["db1"].root / "srv/ssh/log").read_text()
    assert f"Accepted publickey for {POSTGRES} from {cluster.network.address('inner')}" in accepted
    assert "ED25519-CERT" in accepted

    with cluster.authority.without_certificate():
        refused = console.seen()
    assert refused["outer"]["facts"]["host.ssh"]["value"] == "login-refused"
    other = cluster.folder / "other_authority"
    other.write_text(f"@cert-authority 10.77.* {(cluster.folder / 'users.pub').read_text()}")
    cluster.declare(known_hosts=str(other))
    try:
        unproved = console.seen()
    finally:
        cluster.declare()
    assert unproved["outer"]["facts"]["host.ssh"]["value"] == "host-key-refused"


def test_sudo_lets_through_what_the_readme_tells_and_nothing_else(cluster: Cluster) -> None:
    for name, login in (("db1", POSTGRES), ("web1", OPS)):
        unit = UNITS[name]

        def allows(*words: str, name: str = name, login: str = login) -> bool:
            asked = cluster.as_login(name, login, "sudo", "-n", "-l", *words)
            return asked.returncode == 0

        for verb in ("start", "stop", "enable", "disable", "mask", "unmask"):
            assert allows("systemctl", verb, "--", unit), (name, verb)
            assert not allows("systemctl", verb, unit), (name, verb)
            assert not allows("systemctl", verb, "--", "ssh"), (name, verb)
            assert not allows("systemctl", verb, "--", unit, "ssh"), (name, verb)
        assert not allows("systemctl", "restart", "--", unit)
        assert not allows("systemctl", "edit", unit)
        assert not allows("sh")
        done = cluster.as_login(name, login, "sudo", "-n", "systemctl", "restart", "--", unit)
        assert done.returncode == 1
        assert "password is required" in done.stderr


def test_a_switchover_through_real_sshd_and_sudo(cluster: Cluster, console: Console) -> None:
    cluster.write("db1", "before")
    done = console("run", "switchover", "--to", "db2", "--approve", console.hash("switchover", "--to", "db2"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.writers() == ["db2"]
    assert cluster.written("db2") == ["before"]
    assert console.roles() == {"db1": "standby", "db2": "primary"}
