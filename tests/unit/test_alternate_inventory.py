"""Alternate servers in the inventory: what is read, what is refused, each with line and remedy."""

import dataclasses

import pytest

from ppsconsole.cli.inventory import summary
from ppsconsole.inventory.show import show
from tests.unit.inventory_texts import SMALL, mistake, parsed

ALTERNATE = """\
  alt1:
    host: alt
    url: "https://alt.example.org:10001"
    service: {kind: systemd, name: pps}
    database: {database: pps, maintenance: user=postgres, owner: pps}
    archive: vault
"""
WITH = (
    SMALL.replace("web_nodes:\n", "  alt: {site: b, address: 192.0.2.31}\nweb_nodes:\n").replace(
        "cluster: {name: demo}", 'cluster: {name: demo, address: "https://pps.example.org:10001"}'
    )
    + "backups:\n  vault: {host: alt, path: /srv/vault}\nalternates:\n"
    + ALTERNATE
)


def test_it_is_read_with_its_defaults() -> None:
    inventory = parsed(WITH)
    alternate = inventory.alternates["alt1"]
    assert (alternate.host, alternate.database_host, alternate.database.port) == ("alt", "alt", 5432)
    assert alternate.oldest_s == 26 * 3600
    assert alternate.users_address(inventory.cluster.address) == "https://alt.example.org:10001"
    assert inventory.host_of("alt1") is inventory.hosts["alt"]
    assert inventory.site_of("alt1") == "b"
    assert "alt1" in inventory.node_names()
    assert "alt1" not in inventory.web_nodes
    assert summary(inventory).endswith("1 backup, 1 alternate server")


def test_what_is_shown_loads_to_the_same_again() -> None:
    first = parsed(WITH)
    again = parsed(show(first))
    assert {**dataclasses.asdict(again)}["alternates"] == {**dataclasses.asdict(first)}["alternates"]


def test_a_name_that_moves_leaves_users_their_address() -> None:
    inventory = parsed(WITH.replace("    archive: vault\n", "    archive: vault\n    moves_alias: pps.example.org\n"))
    assert inventory.alternates["alt1"].users_address(inventory.cluster.address) == "https://pps.example.org:10001"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "archive: vault",
            "archive: vaults",
            "alternates.alt1.archive: no place of backups is called 'vaults'; did you mean 'vault'",
        ),
        (
            "    host: alt\n",
            "    host: web1\n",
            "alternates.alt1.host: 'web1' is the host of web node web1 already; an alternate",
        ),
        ("owner: pps}", "owner: pps, host: web1}", "alternates.alt1.database.host: 'web1' is the host of web node web1 already"),
        ("https://alt.example", "https://web1.example", "alternates.alt1.url: 'https://web1.example.org:10001' is web node web1"),
        (
            "user=postgres",
            "'user=postgres password=x'",
            "alternates.alt1.database.maintenance: a secret stands here in clear (not shown)",
        ),
        (", owner: pps", "", "alternates.alt1.database.owner: missing; required: The role that its PPS logs in with"),
        (
            "archive: vault",
            "archive: vault\n    moves_alias: x.example.org",
            "alternates.alt1.moves_alias: users type pps.example.org, so moving 'x.example.org' changes nothing for them",
        ),
        (
            "alt.example.org:10001",
            'alt.example.org:8443"\n    moves_alias: "pps.example.org',
            "moves_alias: users come to port 10001, and `url` answers at port 8443; a name that moves keeps its port",
        ),
        ("archive: vault", "archive: vault\n    account: me", "alternates.alt1.account_password: missing; required: `account`"),
        ("{kind: systemd, name: pps}\n    database", "{kind: command}\n    database", "alternates.alt1.service.program: missing"),
        ("  alt1:\n", "  lb1:\n", "alternates.lb1: 'lb1' is the name of a balancer and of an alternate server"),
    ],
)
def test_what_is_wrong_is_told_in_its_place(old: str, new: str, said: str) -> None:
    assert WITH.count(old) == 1, f"{old!r} stands {WITH.count(old)} times"
    assert said in mistake(WITH.replace(old, new))


def test_a_server_of_the_group_is_no_alternate() -> None:
    text = WITH.replace("host: alt\n", "host: alt\n").replace("db2: {host: db2}", "db2: {host: db2, address: 192.0.2.31}")
    assert "alternates.alt1.database.port: 192.0.2.31 port 5432 is instance db2 of the database group" in mistake(text)


def test_merge_replication_is_refused_by_name() -> None:
    line = mistake(SMALL.replace("  database: pps\n", "  database: pps\n  replication: merge\n"))
    assert "'merge'" in line
    assert "PPS does not support merging databases" in line
