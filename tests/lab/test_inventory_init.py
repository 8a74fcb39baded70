"""`inventory init` on a real cluster: with what it writes the console sees what it sees with the lab's own inventory."""

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.lab.conftest import Lab, wait_for
from tests.lab.kill_nursery import shared_nursery


def run(lab: Lab, *words: str) -> "subprocess.CompletedProcess[str]":
    return shared_nursery().run(words, {**os.environ, **lab.env})


def flags(lab: Lab, *left_out: str) -> list[str]:
    """Return what somebody who knows the lab's hosts, and nothing of what runs on them, would say."""
    hosts = lab.state["hosts"]
    words: list[str] = ["--yes"]
    for site in ("a", "b"):
        address, port = lab.road(f"console>bastion-{site}:ssh")
        words += ["--bastion", f"{site}=lab@{address}:{port}"]
    for name, host in hosts.items():
        if not name.startswith("bastion") and name not in left_out:
            words += ["--ssh", f"{host['site']}=lab@{host['address']}:{host['ports']['ssh']}"]
    words += ["--key", str(lab.folder / "ssh_key"), "--known-hosts", str(lab.folder / "known_hosts"), "--ssh-config", "none"]
    words += ["--cluster", "lab", "--environment", "lab", "--db", f"{lab.address('db1')}:{hosts['db1']['ports']['db']}"]
    words += ["--db-name", "pleasant", "--db-user", "ppsconsole", "--db-tls", "disable"]
    words += ["--db-password-ref", f"file:{lab.folder / 'database.password'}"]
    return [*words, "--front", lab.state["front"], "--ca", str(lab.folder / "ca.pem")]


def seen(lab: Lab, inventory: Path) -> dict[str, Any]:
    looks: list[subprocess.CompletedProcess[str]] = []

    def is_all_seen() -> bool:
        looks.append(run(lab, "-i", str(inventory), "status", "--json"))
        return looks[-1].returncode in (0, 5)  # a busy machine leaves looks unanswered

    wait_for(is_all_seen, "everything is seen")
    told = json.loads(looks[-1].stdout)
    # The lab calls its web nodes pps1 and pps2; who does not know that calls them like their hosts.
    names = {"pps1": "web1", "pps2": "web2"}
    return {
        "nodes": {(names.get(each["name"], each["name"]), each["kind"], each["site"], each["role"]) for each in told["nodes"]},
        "edges": {
            (names.get(each["source"], each["source"]), names.get(each["target"], each["target"]), each["kind"], each["state"])
            for each in told["edges"]
        },
    }


def test_flags_alone_make_an_inventory_that_sees_the_same_cluster(lab: Lab, tmp_path: Path) -> None:
    out = tmp_path / "mine" / "inventory.yaml"
    done = run(lab, "inventory", "init", *flags(lab), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert os.listdir(out.parent) == ["inventory.yaml"], "nothing half done is left beside it"
    assert f"{out}: ok, 2 sites, 7 hosts, 2 web nodes, 2 database instances, 1 balancer" in done.stdout
    assert f"ppsconsole -i {out} status" in done.stdout
    assert "answers as db2" in done.stderr
    text = out.read_text()
    password = (lab.folder / "database.password").read_text().strip()
    assert password not in text + done.stdout + done.stderr
    assert "declared: passive" in text
    assert "# upstreams: {db1: host=" in text
    assert seen(lab, out) == seen(lab, lab.inventory)

    again = run(lab, "inventory", "init", *flags(lab), "--out", str(out))
    assert again.returncode == 2
    assert "is there already, and is not overwritten" in again.stderr
    assert out.read_text() == text


def test_a_standby_on_a_host_that_nobody_named_is_told_and_what_is_not_reached_too(lab: Lab) -> None:
    done = run(lab, "inventory", "init", *flags(lab, "db2", "web2"), "--ssh", "b=lab@127.0.0.1:1", "--print")
    assert done.returncode == 0, done.stderr
    assert f"# {lab.address('db2')}: db1 replicates with it" in done.stdout
    assert "NOT REACHED" in done.stdout
    assert "no host that was named has this address" in done.stdout
    assert list(yaml.safe_load(done.stdout)["database"]["instances"]) == ["db1"]


def test_the_primary_is_found_from_the_standby(lab: Lab) -> None:
    words = [word.replace(lab.address("db1"), lab.address("db2")) if word.endswith(":5432") else word for word in flags(lab)]
    done = run(lab, "inventory", "init", *words, "--print")
    assert done.returncode == 0, done.stderr
    instances = yaml.safe_load(done.stdout)["database"]["instances"]
    assert {name: each["declared"] for name, each in instances.items()} == {"db1": "primary", "db2": "standby"}


def test_unknown_host_keys_are_refused_and_a_database_elsewhere_is_a_mistake(lab: Lab, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()
    words = [str(empty) if word.endswith("known_hosts") else word for word in flags(lab)]
    done = run(lab, "inventory", "init", *words, "--print")
    assert done.returncode == 2
    assert "unknown host key" in done.stderr
    assert "SHA256:" in done.stderr
    elsewhere = ["192.0.2.9:5432" if word.endswith(":5432") else word for word in flags(lab)]
    done = run(lab, "inventory", "init", *elsewhere, "--print")
    assert done.returncode == 2
    assert "--db: 192.0.2.9 is none of the hosts" in done.stderr
