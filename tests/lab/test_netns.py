"""A cluster in network namespaces: OpenSSH through two bastions, an agent, certificates on both sides, sudo as the README says.

One cluster for all stories, each going on from where the last one left it. Whatever is cut, never do both databases take
writes: each is asked on its own host.
"""

import json
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ppsconsole.actions.balancer import reload_command
from ppsconsole.inventory.model import Balancer, Service
from tests.lab.conftest import wait_for
from tests.lab.netns.cluster import PATIENT_S, UNITS, Cluster, reason_to_skip
from tests.lab.netns.logins import OPS, POSTGRES
from tests.lab.test_run_commands import Desk, is_asleep, read_until

LIMIT_S = 360.0


@dataclass
class Console(Desk):
    """`ppsconsole` on the console's machine, which reaches nothing but the outer bastion.

    Attributes:
        asleep_at: Not None: it can be told to take silent lines for dead soon, and falls asleep at this record (`netns.hurried`).
    """

    limit_s: float = LIMIT_S
    asleep_at: str | None = None

    def seen(self, fits: Callable[[dict[str, Any]], object], **ssh: str) -> dict[str, Any]:
        """Return a snapshot that fits, with its nodes by name."""

        def looked() -> dict[str, Any] | None:
            document = self.json("status")
            return document | {"nodes": {node["name"]: node for node in document["nodes"]}}

        return self._until(looked, fits, **ssh)

    def planned(self, fits: Callable[[dict[str, Any]], object], *arguments: str) -> dict[str, Any]:
        """Return a plan that fits, with its preflight by name."""

        def asked() -> dict[str, Any] | None:
            done = self("plan", *arguments, "--json")
            plan = json.loads(done.stdout) if done.stdout else {}
            return plan | {"preflight": {item["name"]: item for item in plan["preflight"]}} if "preflight" in plan else None

        return self._until(asked, fits)

    def _until(
        self, look: Callable[[], dict[str, Any] | None], fits: Callable[[dict[str, Any]], object], **ssh: str
    ) -> dict[str, Any]:
        """Look with more patience each time: what is cut off is waited for in vain, what a busy machine answers late is not."""
        found: list[dict[str, Any] | None] = []

        def is_found() -> bool:
            self.lab.declare(min(4.0 * 2 ** len(found), PATIENT_S), **ssh)
            found.append(look())
            return found[-1] is not None and bool(fits(found[-1]))

        try:
            wait_for(is_found, "what is seen to fit", LIMIT_S)
        finally:
            self.lab.declare()
        assert found[-1] is not None
        return found[-1]

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        return subprocess.run(self._line(*arguments), env=self._env(), timeout=self.limit_s, **pipes)

    def _line(self, *arguments: str) -> list[str]:
        line = super()._line(*arguments)
        if self.asleep_at is not None:
            line[1:3] = ["-m", "tests.lab.netns.hurried", self.asleep_at]
        return self.lab.hosts["console"].over_its_network(*line)

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


def login_of(seen: dict[str, Any], host: str) -> str:
    return str(seen["nodes"][host]["facts"]["host.ssh"]["value"])


def verdicts(seen: dict[str, Any]) -> dict[str, str]:
    return {name: node["verdict"] for name, node in seen["nodes"].items()}


def barred(seen: dict[str, Any], *runbooks: str) -> list[str]:
    """Return the rules that block these ways out, as advice says."""
    ways = [way for each in seen["advice"] for way in each["ways"] if way["is_blocked"]]
    return [", ".join(sorted({way["rule"] for way in ways if way["runbook"] == runbook})) for runbook in runbooks]


def is_clear(plan: dict[str, Any]) -> bool:
    return not [item for item in plan["preflight"].values() if item["is_blocking"] and item["state"] == "failing"]


def test_all_is_seen_through_the_chain_by_certificates(cluster: Cluster, console: Console) -> None:
    seen = console.seen(lambda seen: set(verdicts(seen).values()) == {"ok"})
    assert {name: node["role"] for name, node in seen["nodes"].items() if node["kind"] == "database"} == {
        "db1": "primary",
        "db2": "standby",
    }
    accepted = (cluster.hosts["db1"].root / "srv/ssh/log").read_text()
    assert re.search(rf"Accepted publickey for {POSTGRES} from {cluster.network.address('inner')} .* ED25519-CERT", accepted)
    with cluster.authority.without_certificate():
        console.seen(lambda seen: login_of(seen, "outer") == "login-refused")
    other = cluster.folder / "other_authority"
    other.write_text(f"@cert-authority 10.77.* {(cluster.folder / 'users.pub').read_text()}")
    console.seen(lambda seen: login_of(seen, "outer") == "host-key-refused", known_hosts=str(other))


@pytest.mark.parametrize(("name", "login"), [("db1", POSTGRES), ("web1", OPS)])
def test_sudo_lets_through_what_the_readme_tells_and_nothing_else(cluster: Cluster, name: str, login: str) -> None:
    unit = UNITS[name]
    verbs = ("start", "stop", "enable", "disable", "mask", "unmask")
    asked = [[verb, *words] for verb in verbs for words in (["--", unit], [unit], ["--", "ssh"], ["--", unit, "ssh"])]
    asked += [["restart", "--", unit], ["edit", unit], ["set-property", "--", unit]]
    lines = [f"sudo -n -l systemctl {' '.join(words)} >/dev/null 2>&1 && echo {' '.join(words)}" for words in asked]
    told = cluster.as_login(name, login, "sh", "-c", "; ".join([*lines, "sudo -n -l sh >/dev/null 2>&1 && echo sh"]))
    assert told.stdout.splitlines() == [f"{verb} -- {unit}" for verb in verbs]
    done = cluster.as_login(name, login, "sudo", "-n", "systemctl", "restart", "--", unit)
    assert (done.returncode, "password is required" in done.stderr) == (1, True)


def test_sudo_lets_a_balancer_be_reloaded_by_the_rule_that_the_readme_tells(cluster: Cluster, root: Path) -> None:
    unit = UNITS["web1"]  # of any kind: sudo compares words
    sent = reload_command(Balancer("lb1", host="web1", kind="nginx", service=Service("systemd", unit)))
    (rule,) = re.findall(r"`(/usr/bin/systemctl reload -- UNIT)`", (root / "README.md").read_text())
    ask = ("sh", "-c", f"sudo -n -l {sent.removeprefix('sudo -n ')}")
    assert sent.startswith("sudo -n ")
    assert cluster.as_login("web1", OPS, *ask).returncode != 0, "not by the rules of a host without a balancer"
    sudoers = cluster.hosts["web1"].root / "srv/etc/sudoers"
    before = sudoers.read_text()
    sudoers.write_text(f"{before}{OPS} ALL=(root) NOPASSWD: {rule.replace('UNIT', unit)}\n")  # in place: it is mounted
    try:
        told = cluster.as_login("web1", OPS, *ask)
        assert told.returncode == 0, told.stderr
        assert cluster.as_login("web1", OPS, *ask[:2], f"{ask[2]} ssh").returncode != 0
    finally:
        sudoers.write_text(before)


def test_a_primary_that_only_the_console_has_lost_is_not_failed_over(cluster: Cluster, console: Console) -> None:
    with cluster.network.cut(["inner"], ["db1"]):
        plan = console.planned(
            lambda plan: "db2 sees it alive" in plan["preflight"].get("primary-dead", {"words": ""})["words"],
            *("failover", "--to", "db2"),
        )
        item = plan["preflight"]["primary-dead"]
        assert (item["state"], item["is_blocking"]) == ("failing", True)
        assert cluster.writers() == ["db1"]
        assert cluster.streams("db1")


def test_sites_that_are_parted_first_one_way_and_then_whole(cluster: Cluster, console: Console) -> None:
    with cluster.network.one_way("db1", "db2"):
        seen = console.seen(lambda seen: barred(seen, "failover", "switchover") == ["primary-alive", "streaming"])
        assert any("only the way between is cut" in each["headline"] for each in seen["advice"])
        assert [edge["state"] for edge in seen["edges"] if edge["target"] == "db2"] == ["broken"]
        assert cluster.writers() == ["db1"]
    with cluster.network.cut(["db2"], ["inner", "web1", "db1"]):
        seen = console.seen(lambda seen: barred(seen, "failover", "restart") == ["primary-alive", "host-unreachable"])
        assert (verdicts(seen)["db2"], seen["nodes"]["db2"]["words"]) == ("unknown", "unreachable")
        assert seen["nodes"]["db1"]["role"] == "primary"
        assert cluster.writers() == ["db1"]
    wait_for(lambda: cluster.streams("db1"), "db2 to follow again", LIMIT_S)


def test_a_switchover_through_real_sshd_and_sudo(cluster: Cluster, console: Console) -> None:
    cluster.write("db1", "before")
    plan = console.planned(is_clear, "switchover", "--to", "db2")
    done = console("run", "switchover", "--to", "db2", "--approve", plan["hash"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.writers() == ["db2"]
    assert cluster.written("db2") == ["before"]
    wait_for(lambda: cluster.streams("db2"), "db1 to follow", LIMIT_S)


def test_a_line_that_loses_one_direction_in_the_middle_of_a_run_and_is_healed(cluster: Cluster, console: Console) -> None:
    """First what is sent is lost, before an act: nothing is done, and known not to be. Then the answers, while the command runs:
    nobody knows, it is looked at, and not sent again.
    """
    web1 = cluster.hosts["web1"]
    gate, begun, sets = (web1.root / "srv/ops" / name for name in ("gate", "begun", "sets"))
    step = "switch-database-web1"
    before = sets.read_text()
    plan = console.planned(is_clear, "switchover", "--to", "db1")
    gate.touch()

    first = replace(console, asleep_at=f"step-checked {step}")
    with first.begun("run", "switchover", "--to", "db1", "--approve", plan["hash"]) as run:
        wait_for(lambda: run.poll() is not None or is_asleep(run.pid), "the run to stand before its act", LIMIT_S)
        assert run.poll() is None, run.communicate()[0]
        with cluster.network.no_way("console", "outer"):
            for word in (signal.SIGUSR1, signal.SIGCONT):
                run.send_signal(word)
            said = "".join(read_until(run, lambda line: " held: " in line))
            assert cluster.writers() == ["db1"]
        rest = run.communicate(timeout=LIMIT_S)[0]
    assert all(words in said for words in (f"FAILED {step}", "the line to web1 is gone", "the line to web1 is still gone")), said
    assert (run.returncode, "ppsconsole runs resume" in rest) == (5, True), rest
    assert (sets.read_text(), begun.exists()) == (before, False), "nothing was sent"

    second = replace(console, asleep_at="")
    with second.begun("runs", "resume") as run:
        wait_for(lambda: begun.exists() or run.poll() is not None, "the run to switch the database of web1", LIMIT_S)
        assert run.poll() is None, run.communicate()[0]
        with cluster.network.one_way("outer", "console"):
            gate.unlink()
            wait_for(lambda: cluster.points_at() == "db1", "the command to end where nobody hears of it", LIMIT_S)
            with cluster.network.no_way("console", "outer"):
                run.send_signal(signal.SIGUSR1)
                said = "".join(read_until(run, lambda line: " held: " in line))
                assert cluster.writers() == ["db1"]
        rest = run.communicate(timeout=LIMIT_S)[0]
    assert f"UNKNOWN {step}" in said, said
    assert (run.returncode, "ppsconsole runs resume" in rest) == (6, True), rest

    resumed = console("runs", "resume")
    assert resumed.returncode in (0, 8), resumed.stdout + resumed.stderr  # 8: a host that is slow to the end keeps no copy
    assert "found done: web1 points at db1" in resumed.stdout
    assert sets.read_text() == f"{before}db1\n", "once, and never again"
    assert cluster.writers() == ["db1"]
    assert cluster.written("db1") == ["before"]
    wait_for(lambda: cluster.streams("db1"), "db2 to follow", LIMIT_S)
