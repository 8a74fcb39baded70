"""Valid inventories, by value."""

import dataclasses

import pytest

from ppsconsole.inventory.limits import Limit
from ppsconsole.inventory.load import load, parse
from ppsconsole.inventory.model import Service, SshAccess, Switch
from ppsconsole.inventory.secret import SecretRef
from tests.unit.inventory_texts import SAMPLE, SMALL, changed, parsed, swapped


def test_the_small_inventory_has_every_default():
    inventory = parsed(SMALL)
    assert inventory.path == "/etc/ppsconsole/inventory.yaml"
    assert inventory.cluster.environment == "production"
    assert list(inventory.hosts) == ["bas", "db1", "db2", "web1"]
    assert inventory.hosts["db1"].ssh == SshAccess(user="ops")
    assert inventory.hosts["db1"].disks == ("/",)
    assert inventory.database.instances["db1"].port == 5432
    assert inventory.database.replication == "streaming"
    assert inventory.database.through_bastions is True
    assert inventory.web_nodes["web1"].switch == Switch()
    assert inventory.directories == {}
    assert inventory.limits.lag_bytes == Limit(16 * 2**20, 2**30)
    assert [host.name for host in inventory.bastions()] == ["bas"]
    assert list(inventory.node_names()) == ["bas", "lb1", "web1", "db1", "db2"]


def test_ssh_defaults_are_merged_into_each_host_wherever_they_stand():
    text = changed(("ssh: {user: ops}\n", ""), ("address: 192.0.2.11", "address: 192.0.2.11, ssh: {port: 2222}"))
    text += "ssh: {user: ops, connect_timeout_s: 10s, passphrase: env:KEY}\n"
    inventory = parsed(text)
    common = SshAccess(user="ops", connect_timeout_s=10, passphrase=SecretRef("env", "KEY"))
    assert inventory.hosts["db2"].ssh == common
    assert inventory.hosts["db1"].ssh == dataclasses.replace(common, port=2222)


def test_files_start_at_the_inventory_and_at_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    text = changed(
        ("ssh: {user: ops}", 'ssh: {key: ~/.ssh/k, known_hosts: kh, certificate: ../c, config: "", passphrase: "file:s/p"}'),
        ("cluster: {name: demo}", "cluster: {name: demo, ca: /pki/ca.pem}"),
        ("  database: pps\n", "  database: pps\n  tls: {mode: verify-ca, root_certificate: pki/db.pem}\n"),
    )
    inventory = parsed(text + "backups:\n  near: {path: copies}\n  far: {path: copies, host: db1}\n")
    ssh = inventory.hosts["bas"].ssh
    assert (ssh.key, ssh.known_hosts, ssh.certificate) == ("/home/anna/.ssh/k", "/etc/ppsconsole/kh", "/etc/c")
    assert ssh.config == ""
    assert ssh.passphrase == SecretRef("file", "/etc/ppsconsole/s/p")
    assert inventory.cluster.ca == "/pki/ca.pem"
    assert inventory.database.tls.root_certificate == "/etc/ppsconsole/pki/db.pem"
    assert inventory.backups["near"].path == "/etc/ppsconsole/copies"
    assert inventory.backups["far"].path == "copies"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("5", 5), ("0.5", 0.5), ("5s", 5), ('"5s"', 5), ("10m", 600), ("26h", 93600), ("7d", 604800), ("1.5h", 5400), ("0", 0)],
)
def test_durations(written, seconds):
    inventory = parsed(changed(("{name: demo}", f"{{name: demo, downtime_objective_s: {written}}}")))
    assert inventory.cluster.downtime_objective_s == seconds


@pytest.mark.parametrize(
    ("written", "size"),
    [("0", 0), ("1024", 1024), ("10B", 10), ("1kB", 1024), ("16MB", 2**24), ("1.5GB", 3 * 2**29), ("2TB", 2**41)],
)
def test_sizes(written, size):
    inventory = parsed(SMALL + f"limits: {{lag_bytes: {{warn: {written}, down: 4TB}}}}\n")
    assert inventory.limits.lag_bytes == Limit(size, 2**42)


def test_text_stays_text_whatever_yaml_makes_of_it():
    text = changed(("  b: {}", "  no: {title: 12}"), ("site: b", "site: no"), ("ssh: {user: ops}", "ssh: {user: 1e3}"))
    inventory = parsed(text)
    assert inventory.sites["no"].title == "12"
    assert inventory.hosts["db2"].site == "no"
    assert inventory.hosts["db2"].ssh.user == "1e3"


def test_null_is_the_same_as_leaving_the_key_out():
    text = changed(("ssh: {user: ops}", "ssh: {user: ops, port: ~}"), ("via: bas}\n  db2", "via: null, disks: }\n  db2"))
    inventory = parsed(text + "directories:\nlimits: {lag_s: null}\n")
    assert inventory.hosts["db1"].via == ()
    assert inventory.hosts["db1"].disks == ("/",)
    assert inventory.directories == {}
    assert inventory.limits.lag_s == Limit(5, 60)


def test_chains_are_written_out_from_the_outermost_on():
    text = changed(
        ("  bas: {site: a, address: 192.0.2.1}\n", "  outer: {site: a, address: o}\n  bas: {site: a, address: i, via: outer}\n"),
        ("address: 192.0.2.12, via: bas", "address: 192.0.2.12, via: [outer, bas]"),
        ("address: 192.0.2.21, via: bas", "address: 192.0.2.21, via: [third, fourth]"),
        ("  lb1: {kind: nginx, host: bas,", "  lb1: {kind: nginx, host: web1,"),
        ("web_nodes:\n", "  third: {site: a, address: t, via: bas}\n  fourth: {site: a, address: f, via: bas}\nweb_nodes:\n"),
    )
    hosts = parsed(text).hosts
    assert hosts["bas"].via == ("outer",)
    assert hosts["db1"].via == ("outer", "bas")
    assert hosts["db2"].via == ("outer", "bas")
    assert hosts["web1"].via == ("outer", "bas", "third", "fourth")


@pytest.mark.parametrize(
    ("kind", "port", "replication"),
    [
        ("postgres", 5432, "streaming"),
        ("sqlserver-mirroring", 1433, "mirroring"),
        ("sqlserver-log-shipping", 1433, "log-shipping"),
        ("sqlserver-standalone", 1433, "none"),
    ],
)
def test_defaults_follow_the_kind_of_database_also_when_it_stands_last(kind, port, replication):
    text = changed(("  kind: postgres\n", ""), ("    db2: {host: db2}\n", f"    db2: {{host: db2}}\n  kind: {kind}\n"))
    database = parsed(text).database
    assert (database.instances["db2"].port, database.replication) == (port, replication)


def test_azure_needs_no_host():
    text = changed(
        ("kind: postgres", "kind: azure-sql"),
        ("db1: {host: db1, declared: primary}", "db1: {address: x.database.windows.net, site: a, declared: primary}"),
        ("    db2: {host: db2}\n", ""),
        ("  db1: {site: a, address: 192.0.2.11, via: bas}\n", ""),
    )
    inventory = parsed(text)
    assert inventory.host_of("db1") is None
    assert inventory.site_of("db1") == "a"


def test_windows_hosts_watch_their_system_drive():
    text = changed(
        ("address: 192.0.2.21,", "address: 192.0.2.21, platform: windows,"), ("kind: systemd", "kind: windows-service")
    )
    assert parsed(text).hosts["web1"].disks == ("C:",)


def test_the_sample_by_value():
    inventory = load(SAMPLE)
    assert list(inventory.sites) == ["alpha", "beta"]
    assert inventory.hosts["web1"].via == ("bastion-alpha-outer", "bastion-alpha")
    assert inventory.hosts["bastion-alpha-outer"].ssh.port == 2222
    assert inventory.hosts["bastion-alpha-outer"].ssh.user == "pps-console"
    assert inventory.web_nodes["web1"].service == Service("windows-service", "Pleasant Password Server")
    assert inventory.cluster.downtime_objective_s == 900
    assert inventory.database.instances["db1"].declared == "primary"
    assert inventory.balancers["front"].members == {"192.0.2.31:10001": "web1", "198.51.100.31:10001": "web2"}
    assert list(inventory.directories) == ["ad-corp", "ad-partner"]
    assert inventory.backups["backup-alpha"].oldest_s == 26 * 3600
    assert inventory.notifications["on-call"].to == ("on-call@example.org", "pps-admins@example.org")


def test_the_limits_and_polling_of_the_sample_are_the_defaults_it_says_they_are():
    sample, plain = load(SAMPLE), parsed(SMALL)
    assert sample.limits == plain.limits
    assert sample.polling == plain.polling


def test_the_samples_availability_group_takes_the_place_of_postgres():
    inventory = parsed(swapped(SAMPLE.read_text(), "postgres", "availability-group"))
    group = inventory.database
    assert (group.kind, group.availability_group, group.cluster_type) == ("sqlserver-ag", "AG-PPS", "wsfc")
    assert group.instances["db2"].service == Service("windows-service", "MSSQLSERVER")
    assert inventory.hosts["db1"].platform == "windows"
    assert inventory.hosts["db1"].via == ("bastion-alpha-outer", "bastion-alpha")


def test_the_samples_application_pool_takes_the_place_of_the_service():
    inventory = parsed(swapped(SAMPLE.read_text(), "service", "iis"))
    assert inventory.web_nodes["web1"].service == Service("iis-app-pool", "PleasantPasswordServer")


def test_the_sample_uses_documentation_names_and_addresses_only():
    inventory = load(SAMPLE)
    assert all(host.address.startswith(("192.0.2.", "198.51.100.", "203.0.113.")) for host in inventory.hosts.values())
    assert all("example.org" in node.url for node in inventory.web_nodes.values())


def test_a_byte_order_mark_and_windows_line_ends_are_taken():
    assert parse(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode(), "inv.yaml").cluster.name == "demo"
