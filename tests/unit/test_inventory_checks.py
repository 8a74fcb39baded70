"""Mistakes that show only when the whole file is known."""

import pytest

from tests.unit.inventory_texts import SMALL, changed, mistake, mistakes, parsed


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "db2: {site: b",
            "db2: {site: bb",
            "inv.yaml:10:15: hosts.db2.site: no site is called 'bb'; did you mean 'b'? allowed: a, b",
        ),
        (
            "192.0.2.12, via: bas",
            "192.0.2.12, via: bass",
            "hosts.db2.via: no host is called 'bass'; did you mean 'bas'? allowed: bas, db1",
        ),
        (
            "192.0.2.12, via: bas",
            "192.0.2.12, via: [bas, x]",
            "inv.yaml:10:50: hosts.db2.via[1]: no host is called 'x'; allowed: bas",
        ),
        ("db2: {host: db2}", "db2: {host: db3}", "database.instances.db2.host: no host is called 'db3'; did you mean 'db2'?"),
        (
            "web1: {host: web1,",
            "web1: {host: web1, database: db9,",
            "web_nodes.web1.database: no database instance is called 'db9'",
        ),
        (
            '10001": web1',
            '10001": web9',
            "balancers.lb1.members.192.0.2.21:10001: no web node is called 'web9'; did you mean 'web1'?",
        ),
        ("host: bas,", "host: lb,", "balancers.lb1.host: no host is called 'lb'; allowed: bas, db1, db2, web1"),
        (
            "192.0.2.1}",
            "192.0.2.1, via: bas}",
            "inv.yaml:8:43: hosts.bas.via: the bastion chain leads back to itself: bas via bas; one of",
        ),
        (
            "192.0.2.1}",
            "192.0.2.1, via: in}\n  in: {site: a, address: in, via: bas}",
            "hosts.bas.via: the bastion chain leads back to itself: bas via in via bas",
        ),
        (
            "192.0.2.12, via: bas",
            "192.0.2.12, via: [bas, bas]",
            "hosts.db2.via: the bastion chain passes bas twice: bas, bas, db2",
        ),
        (
            "192.0.2.12, via: bas",
            "192.0.2.12, via: bas}\n  in: {site: a, address: in, via: [bas, in]",
            "hosts.in.via: the bastion chain passes in twice: bas, in, in",
        ),
        (
            "db2: {host: db2}",
            "db2: {host: db2, log: postgresql.log}",
            "inv.yaml:19:27: database.instances.db2.log: 'postgresql.log' is no whole path; expected a file on the host",
        ),
        ("host: bas,", "host: bas, log: [/var/log/a, /var/log/],", "balancers.lb1.log[1]: '/var/log/' is no whole path"),
        (
            'lb1: {kind: nginx, host: bas, members: {"192.0.2.21:10001": web1}',
            "lb1: {kind: dns, record: pps.example.org, log: /var/log/x",
            "balancers.lb1.log: a balancer without a host has no file there; remove it, or name its `host`",
        ),
        (
            "192.0.2.12,",
            "192.0.2.11,",
            "hosts.db2.address: '192.0.2.11' with SSH port 22 is host db1 already; two hosts need two addresses",
        ),
        (
            "    db2: {host: db2}",
            "    db2: {host: db2, address: 192.0.2.11}",
            "database.instances.db2.address: '192.0.2.11' port 5432 is instance db1 already; two instances need",
        ),
        (
            "    db2: {host: db2}",
            "    other: {host: db1}",
            "database.instances.other.port: '192.0.2.11' port 5432 is instance db1 already",
        ),
        (
            "host: db1, declared: primary",
            "host: db1",
            "inv.yaml:17:3: database.instances: no instance is declared as primary; set",
        ),
        (
            "    db2: {host: db2}",
            "    db2: {host: db2, declared: primary}",
            "inv.yaml:19:32: database.instances.db2.declared: a second primary beside db1; exactly one is declared as primary",
        ),
        (
            "kind: postgres\n",
            "kind: postgres\n  replication: merge\n",
            "database.replication: 'merge' is refused: PPS does not support merging databases, so a merge replica",
        ),
        (
            "kind: postgres\n",
            "kind: postgres\n  replication: mirroring\n",
            "'mirroring' does not go with kind postgres; allowed: streaming, log-shipping, snapshot, none",
        ),
        (
            "kind: postgres\n",
            "kind: sqlserver-ag\n",
            "database.availability_group: missing; required: kind sqlserver-ag needs the group's",
        ),
        (
            "kind: postgres\n",
            "kind: postgres\n  availability_group: x\n",
            "database.availability_group: kind postgres has none; remove it",
        ),
        (
            "kind: postgres\n",
            "kind: sqlite\n",
            "database.instances: 2 instances of kind sqlite; one: a SQLite database is a file",
        ),
        (
            "    db2: {host: db2}",
            "    x: {address: db2}",
            "database.instances.x.host: missing; required: the host that it runs on; only azure-sql",
        ),
        ("    db2: {host: db2}", "    x: {host: ~, address: db2}", "database.instances.x.host: missing"),
        (
            "kind: systemd, name: pps",
            "kind: systemd",
            "web_nodes.web1.service.name: missing; required: a service of kind systemd needs `name`",
        ),
        (
            "kind: systemd, name: pps",
            "kind: command",
            "web_nodes.web1.service.program: missing; required: a service of kind command",
        ),
        (
            "kind: systemd,",
            "kind: systemd, program: x,",
            "web_nodes.web1.service.program: a service of kind systemd has none; remove it",
        ),
        (
            "kind: systemd,",
            "kind: iis-app-pool,",
            "web_nodes.web1.service.kind: 'iis-app-pool' does not exist on host web1, whose platform is linux; set",
        ),
        (
            "kind: systemd, name: pps}",
            "kind: systemd, name: pps}, switch: {method: command}",
            "web_nodes.web1.switch.program: missing",
        ),
        ("kind: systemd, name: pps}", "kind: systemd, name: pps}, switch: {program: /x}", "the method manual runs no program"),
        (
            "web1: {host: web1,",
            "web1: {host: web1, account: me,",
            "web_nodes.web1.account_password: missing; required: `account` is of no",
        ),
        ("web1: {host: web1,", "web1: {host: web1, account_password: env:X,", "web_nodes.web1.account: missing"),
        (
            "kind: nginx, host: bas,",
            "kind: nginx,",
            "balancers.lb1.host: missing; required: a balancer of kind nginx runs on a host",
        ),
        (
            "kind: nginx, host: bas,",
            "kind: dns,",
            "balancers.lb1.record: missing; required: a balancer of kind dns needs the name",
        ),
        (
            '10001": web1',
            '10001": web1, "web1:1": web1',
            "balancers.lb1.members.web1:1: web node 'web1' is the member 192.0.2.21:10001",
        ),
        (
            "  lb1: {",
            "  bas: {",
            "balancers.bas: 'bas' is the name of a bastion and of a balancer; every node needs a name of its own",
        ),
        ("  lb1: {", "  web1: {", "web_nodes.web1: 'web1' is the name of a balancer and of a web node"),
        ("    db2: {host: db2}", "    web2: {host: db2}\n  user: x", None),
    ],
)
def test_one_mistake_is_told_once(old, new, said):
    text = changed((old, new))
    if said is None:
        parsed(text)
    elif said.startswith("web_nodes.web1: 'web1' is the name of a balancer"):
        # The balancer then bears the name of a host that it does not run on, too.
        lines = mistakes(text)
        assert any(said in line for line in lines)
        assert any(
            "balancers.web1: 'web1' is also the name of a host that this balancer does not run on" in line for line in lines
        )
    else:
        assert said in mistake(text)


def test_a_node_may_share_the_name_of_its_own_host_only():
    text = changed(
        ("    db1: {host: db1, declared: primary}", "    db1: {host: db2, declared: primary}"),
        ("    db2: {host: db2}", "    x: {host: db1}"),
    )
    assert "'db1' is also the name of a host that this database instance does not run on" in mistake(text)


def test_a_cycle_is_told_once_at_its_first_host():
    hosts = "  p: {site: a, address: p, via: q}\n  q: {site: a, address: q, via: r}\n  r: {site: a, address: r, via: p}\n"
    text = changed(("hosts:\n", "hosts:\n  leaf: {site: a, address: leaf, via: r}\n" + hosts))
    assert "hosts.p.via: the bastion chain leads back to itself: p via q via r via p" in mistake(text)


def test_a_chain_may_be_eight_long():
    def chain(length):
        links = [f"  c{number}: {{site: a, address: c{number}, via: c{number - 1}}}\n" for number in range(1, length)]
        return changed(("hosts:\n", "hosts:\n  c0: {site: a, address: c0}\n" + "".join(links)))

    assert len(parsed(chain(9)).hosts["c8"].via) == 8
    assert "hosts.c9.via: a chain of 9 bastions" in mistake(chain(10))


def test_a_very_long_chain_is_no_problem_for_the_stack():
    links = [f"  c{number}: {{site: a, address: c{number}, via: c{number - 1}}}\n" for number in range(1, 1500)]
    lines = mistakes(changed(("hosts:\n", "hosts:\n" + "".join(reversed(links)) + "  c0: {site: a, address: c0}\n")))
    assert len(lines) == 1500 - 9


def test_one_address_with_two_ports_is_two_hosts():
    inventory = parsed(
        changed(("address: 192.0.2.12", "address: 192.0.2.11, ssh: {port: 2222}"), ("{host: db2}", "{host: db2, port: 5433}"))
    )
    assert inventory.hosts["db2"].ssh.port == 2222


def test_two_web_nodes_need_two_urls():
    text = changed(
        (
            "database:\n",
            "  web2: {host: web1, url: 'https://WEB1.example.org:10001/', service: {kind: systemd, name: x}}\ndatabase:\n",
        )
    )
    assert "web_nodes.web2.url: 'https://WEB1.example.org:10001/' is web node web1 already" in mistake(text)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("lag_s: {warn: 60s, down: 5s}", "limits.lag_s: warn 60 and down 5 are the wrong way round; warn has to be below down"),
        (
            "certificate_days: {warn: 3, down: 21}",
            "limits.certificate_days: warn 3 and down 21 are the wrong way round; warn has to be above",
        ),
        (
            "disk_percent: {warn: 85, down: 101}",
            "limits.disk_percent.down: '101' is out of range; expected percent from 0 to 100",
        ),
        (
            "lag_bytes: {warn: 16XB, down: 1GB}",
            "limits.lag_bytes.warn: '16XB' is of the wrong type; expected bytes from 0 up, e.g. 16MB, 1GB",
        ),
        ("lag_s: {warn: 5s}", "limits.lag_s.down: missing; required: From here on it is as bad as down"),
        ("lag: {warn: 5s, down: 6s}", "limits.lag: unknown key 'lag'; did you mean 'lag_s'?"),
    ],
)
def test_limits(limit, said):
    assert said in mistake(SMALL + f"limits:\n  {limit}\n")


def test_limits_may_be_equal():
    assert parsed(SMALL + "limits: {lag_s: {warn: 5, down: 5}}\n").limits.lag_s.warn == 5


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            "notifications: {n: {kind: mail, to: a@example.org}}",
            "notifications.n.server: missing; required: a notification of kind mail",
        ),
        ("notifications: {n: {kind: command}}", "notifications.n.program: missing"),
        (
            "directories: {d: {kind: ldap, address: d, account: x}}",
            "directories.d.password: missing; required: `account` is of no use",
        ),
        ("directories: {bas: {kind: ldap, address: d}}", "directories.bas: 'bas' is the name of a bastion and of a directory"),
        ("backups: {b: {path: /x, host: nowhere}}", "backups.b.host: no host is called 'nowhere'"),
        ("backups: {b: {path: /x, oldest_s: 0}}", "backups.b.oldest_s: '0' is out of range; expected seconds from 60"),
        (
            "backups: {b: {path: /x, host: db1}, c: {path: /x/, host: db1}}",
            "backups.c.path: '/x/' is the place of b already; two places need two folders",
        ),
        ("backups: {b: {path: /x, keep: 0}}", "backups.b.keep: 0 is out of range; expected a whole number from 1"),
        ("backups: {b: {path: /x, source: db9}}", "backups.b.source: no database instance is called 'db9'"),
        ("backups: {b: {path: /x, scratch: {host: db1}}}", "backups.b.scratch.path: missing"),
        (
            "backups: {b: {path: /x, scratch: {host: db1, path: tmp}}}",
            "backups.b.scratch.path: 'tmp' is no whole path of a folder",
        ),
        ("polling: {every_s: 0}", "polling.every_s: '0' is out of range"),
        ("polling: {concurrency: 0}", "polling.concurrency: 0 is out of range; expected a whole number from 1 to 1000"),
    ],
)
def test_the_other_sections(section, said):
    assert said in mistake(SMALL + section + "\n")


def test_no_backup_is_kept_or_tried_where_the_database_is():
    """It would go with the data directory: by a rewind, a copy made anew, or the loss of its disk."""
    text = changed(("declared: primary}", "declared: primary, data_directory: /srv/pg/}"))
    assert "backups.b.path: '/srv/pg/old' is in the data directory of db1" in mistake(
        text + "backups: {b: {host: db1, path: /srv/pg/old}}\n"
    )
    said = mistake(text + "backups: {b: {path: /x, scratch: {host: db1, path: /srv/../srv/pg}}}\n")
    assert "backups.b.scratch.path: '/srv/../srv/pg' is in the data directory of db1" in said
    fine = parsed(text + "backups: {b: {host: db2, path: /srv/pg/old}, c: {host: db1, path: /srv/pg-backups}}\n")
    assert [each.keep for each in fine.backups.values()] == [14, 14]
    windows = changed(("192.0.2.12, via: bas", "192.0.2.12, via: bas, platform: windows"))
    said = mistake(windows + "backups: {b: {path: /x, scratch: {host: db2, path: /tmp/x}}}\n")
    assert "backups.b.scratch.host: 'db2' is a Windows host; name a Linux host" in said


def test_checks_are_made_beside_mistakes_found_before():
    text = changed(
        ("192.0.2.1}", "192.0.2.1, ssh: [], via: bas}"),
        ("address: 192.0.2.12", "address: {}"),
        ("declared: primary", "declared: []"),
        ('url: "https://web1.example.org:10001"', "url: x"),
        ("kind: nginx", "kind: x"),
        ("name: pps}", "name: []}"),
    )
    lines = [line.split(": ")[1] for line in mistakes(text)]
    assert lines == [
        "hosts.bas.ssh",
        "hosts.bas.via",
        "hosts.db2.address",
        "web_nodes.web1.url",
        "web_nodes.web1.service.name",
        "database.instances.db1.declared",
        "balancers.lb1.kind",
    ]
