"""What one place of the file can have wrong, and what is said about it."""

import pytest

from tests.unit.inventory_texts import SMALL, changed, mistake, mistakes, parsed


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "name: demo",
            "name: demo, enviroment: lab",
            "inv.yaml:2:23: cluster.enviroment: unknown key 'enviroment'; did you mean 'environment'? "
            "allowed: name, environment, mode, address, ca, downtime_objective_s",
        ),
        (
            "address: 192.0.2.11",
            "address: 192.0.2.11, address: x",
            "inv.yaml:9:39: hosts.db1.address: this key stands on line 9 already",
        ),
        ("name: demo", "mode: active-active", "inv.yaml:2:1: cluster.name: missing; required: What is typed to confirm"),
        ("address: 192.0.2.12", "hostname: x", "inv.yaml:10:3: hosts.db2.address: missing; required: Host name or IP"),
        ("address: 192.0.2.12", "address: ~", "inv.yaml:10:3: hosts.db2.address: missing; required: Host name or IP"),
        (
            "address: 192.0.2.12",
            "address: [x]",
            "inv.yaml:10:27: hosts.db2.address: a list is of the wrong type; expected a host",
        ),
        ("address: 192.0.2.12", "address: db2:22", "hosts.db2.address: 'db2:22' is not a host name or an IP address; expected"),
        ("address: 192.0.2.12", "address: 192.0.2.256", "'192.0.2.256' is not a host name or an IP address"),
        ("address: 192.0.2.12", 'address: ""', "hosts.db2.address: an empty value; expected a host name"),
        ("address: 192.0.2.12", 'address: "a\\e[1mb"', "'a?[1mb' holds the control character U+001B; only printable text"),
        ("title: Site A", 'title: "a\\u202eb"', "sites.a.title: 'a?b' holds the control character U+202E"),
        ("title: Site A", 'title: "two\\nlines"', "holds the control character U+000A"),
        ("{user: ops}", "{port: 0}", "inv.yaml:6:13: ssh.port: 0 is out of range; expected a whole number from 1 to 65535"),
        ("{user: ops}", "{port: 65536}", "ssh.port: 65536 is out of range; expected a whole number from 1 to 65535"),
        ("{user: ops}", "{port: -1}", "ssh.port: -1 is out of range"),
        ("{user: ops}", "{port: abc}", "ssh.port: 'abc' is of the wrong type; expected a whole number from 1 to 65535"),
        ("{user: ops}", '{port: "22"}', "ssh.port: '22' is text; expected a whole number from 1 to 65535, without quotes"),
        ("{user: ops}", "{port: 022}", "ssh.port: '022' is of the wrong type"),
        ("{user: ops}", "{port: 22.5}", "ssh.port: '22.5' is of the wrong type"),
        ("{user: ops}", "{port: " + "9" * 5000 + "}", "is of the wrong type; expected a whole number"),
        (
            "{user: ops}",
            "{connect_timeout_s: 5x}",
            "ssh.connect_timeout_s: '5x' is of the wrong type; expected seconds from 0.1 to 300",
        ),
        (
            "{user: ops}",
            "{connect_timeout_s: -5}",
            "'-5' is out of range; expected seconds from 0.1 to 300, e.g. 5s, 10m, 26h, 7d",
        ),
        ("{user: ops}", "{connect_timeout_s: .inf}", "'.inf' is of the wrong type"),
        (
            "{user: ops}",
            "[ops]",
            "inv.yaml:6:6: ssh: a list is of the wrong type; expected a mapping with the keys user, port, key",
        ),
        (
            "kind: nginx",
            "kind: ngnix",
            "balancers.lb1.kind: 'ngnix' is not one of the choices; did you mean 'nginx'? allowed: nginx, haproxy",
        ),
        (
            "kind: nginx",
            "kind: nginx, log: {}",
            "balancers.lb1.log: a mapping is of the wrong type; expected a list, each entry text",
        ),
        ("kind: nginx", "kind: nginx, log: [~]", "balancers.lb1.log[0]: an empty entry; expected text"),
        ("kind: nginx", 'kind: nginx, log: "/a\\nb"', "balancers.lb1.log: '/a b' holds the control character U+000A"),
        ("kind: nginx", "kind: {}", "balancers.lb1.kind: a mapping is of the wrong type; expected one of nginx, haproxy"),
        (
            '"192.0.2.21:10001": web1',
            "192.0.2.21: web1",
            "'192.0.2.21' is not an address with its port; expected an address with its",
        ),
        (
            '"https://web1.example.org:10001"',
            "web1:10001",
            "'web1:10001' is not a URL that a browser can open; expected an https://",
        ),
        ('"https://web1.example.org:10001"', '"https://[::1"', "'https://[::1' is not a URL (Invalid IPv6 URL)"),
        (
            '"https://web1.example.org:10001"',
            '"https://web1:99999"',
            "'https://web1:99999' is not a URL (Port out of range 0-65535)",
        ),
        (
            "  b: {}\n",
            "  b:\n",
            "inv.yaml:5:5: sites.b: nothing stands behind the name; expected a mapping with the keys title; write {}",
        ),
        ("  b: {}\n", "  b: {}\n  B: {}\n", "inv.yaml:6:3: sites.B: 'B' cannot be a name; a name has up to 63 small letters"),
        ("  b: {}\n", "  b: {}\n  ? [x]\n  : {}\n", "inv.yaml:6:5: sites.?: a mapping or a list cannot be a name"),
        ("  b: {}\n", "  b: {}\n  b: {}\n", "inv.yaml:6:3: sites.b: this key stands on line 5 already; every key stands once"),
        ("  lb1: {", "  cluster: {", "balancers.cluster: 'cluster' cannot be a name; cluster, console, host mean something else"),
        ("version: 1", "version: 0", "inv.yaml:1:10: version: 0 is out of range; expected a whole number from 1 to 1"),
        ("version: 1\n", "", "inv.yaml:1:1: version: missing; required: Version of this file's format: 1"),
        (
            "  database: pps\n",
            "  database: pps\n  through_bastions: yes\n",
            "'yes' is neither true nor false; expected true or false",
        ),
        ("{title: Site A}", "{title: Site A, [x]: 1}", "sites.a.?: a key has to be a word; allowed: title"),
    ],
)
def test_one_mistake_is_told_once_with_its_place_its_value_and_what_is_allowed(old, new, said):
    assert said in mistake(changed((old, new)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("hunter2", "a secret stands here in clear (not shown); expected a reference: env:NAME, file:PATH"),
        ("evn:hunter2", "did you mean 'env'?"),
        ("hunter2:hunter2", "a secret stands here in clear"),
        ("env:hunter2 hunter2", "not a valid reference (not shown)"),
        ("keyring:hunter2", "not a valid reference (not shown)"),
        ("'env:'", "not a valid reference (not shown)"),
        ('"file:hunter2\\e"', "not a valid reference (not shown)"),
        ("command:vault read --token=hunter2", "a secret stands here in clear"),
        ("{hunter2: hunter2}", "the wrong type for a secret (not shown)"),
        ("[hunter2]", "the wrong type for a secret (not shown)"),
        ("12345678", "a secret stands here in clear"),
    ],
)
def test_a_secret_in_clear_is_refused_and_never_repeated(value, said):
    line = mistake(changed(("  database: pps\n", f"  database: pps\n  password: {value}\n")))
    assert line.startswith("inv.yaml:17:13: database.password: ")
    assert said in line
    assert "hunter2" not in line
    assert "12345678" not in line


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: demo", 'name: demo, address: "https://admin:hunter2@passwords.example.org"'),
        ("name: demo", 'name: demo, address: "https://hunter2@passwords.example.org"'),
        ("title: Site A", 'title: "password=hunter2"'),
        ("title: Site A", 'title: "Bearer hunter2hunter2"'),
        ("{user: ops}", "{key: 'postgres://u:hunter2@db/x'}"),
    ],
)
def test_a_secret_inside_another_value_is_refused_and_never_repeated(old, new):
    line = mistake(changed((old, new)))
    assert "(not shown)" in line
    assert "hunter2" not in line


def test_references_of_every_scheme_are_taken():
    for reference in ("env:A_1", "file:/run/secrets/x", "keyring:svc/user", "command:pass show pps/db"):
        inventory = parsed(changed(("  database: pps\n", f"  database: pps\n  password: {reference}\n")))
        assert str(inventory.database.password) == reference


def test_ten_mistakes_are_ten_lines_in_the_order_of_the_file():
    text = changed(
        ("name: demo", "nam: demo"),  # unknown, and the right one missing
        ("title: Site A", "title: []"),
        ("{user: ops}", "{port: 99999}"),
        ("bas: {site: a", "bas: {site: c"),
        ("address: 192.0.2.12", "address: 192.0.2.11"),
        ("kind: systemd, name: pps", "kind: sytemd, name: pps"),
        ("database: pps\n", "database: pps\n  replication: merge\n"),
        ("db2: {host: db2}", "db2: {host: db3, declared: primary}"),
    )
    lines = mistakes(text)
    assert len(lines) == 10
    places = [tuple(map(int, line.split(":")[1:3])) for line in lines]
    assert places == sorted(places)


def test_a_mistake_in_a_duplicate_or_a_badly_named_record_is_told_as_well():
    lines = mistakes(changed(("  b: {}\n", "  b: {}\n  b: {x: 1}\n  C: {y: 1}\n")))
    assert [line.split(": ")[1] for line in lines] == ["sites.b", "sites.b.x", "sites.C", "sites.C.y"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "inv.yaml:1:1: the file is empty; start with `version: 1`"),
        ("# nothing\n", "inv.yaml:1:1: the file is empty"),
        ("- a\n", "inv.yaml:1:1: a list is of the wrong type; expected a mapping with the keys version, cluster, sites, ssh"),
        ("text\n", "inv.yaml:1:1: 'text' is of the wrong type; expected a mapping"),
        ("~\n", "inv.yaml:1:1: an empty file; start with `version: 1`"),
        ("version: 2\nnew: thing\n", "inv.yaml:1:10: version: '2' is a newer format of the file; this console knows version 1"),
        (b"version: 1\ncluster: {name: d\xe9mo}\n", "inv.yaml:2:18: byte 0xe9 is not UTF-8; save the file in UTF-8"),
        ("version: 1\ncluster: {name: d\x07}\n", "inv.yaml:2:18: control character U+0007; remove it"),
        ("version: 1\ncluster: {name: demo\nsites: {}\n", "inv.yaml:3:6: not valid YAML: while parsing a flow mapping"),
        ("version: 1\n\tcluster: x\n", "indent with spaces: a tab stands on this line"),
        ("version: 1\n---\nversion: 1\n", "one file holds one inventory: remove `---`"),
        ('version: "1\n', "not valid YAML: while scanning a quoted scalar found unexpected end of stream"),
        ("a: *x\n", "inv.yaml:1:4: '*x': anchors and aliases are not used here; write the value out"),
        ("a: !!python/object:os.system x\n", "tags are not used here; remove the tag"),
        ("[" * 100_000, "inv.yaml:1:101: nested more than 100 levels deep; an inventory has at most six levels"),
        ("- " * 100_000, "nested more than 100 levels deep"),
        ("a:\n" + "".join(" " * depth + "a:\n" for depth in range(1, 700)), "nested more than 100 levels deep"),
    ],
)
def test_what_is_no_inventory_at_all_is_told_in_one_line(text, said):
    assert said in mistake(text)


def test_an_alias_bomb_is_refused_at_its_anchors():
    bomb = "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdef", "bcdefg", strict=True))
    lines = mistakes(bomb)
    assert len(lines) == 7 + 12
    assert all("anchors and aliases are not used here" in line for line in lines)


def test_signs_of_aliases_and_tags_inside_text_are_only_text():
    inventory = parsed(changed(("title: Site A", "title: 'R&D, all * ! &x'")) + "# &a *b !c [*d]\n")
    assert inventory.sites["a"].title == "R&D, all * ! &x"


def test_many_short_lists_are_not_taken_for_deep_nesting():
    hosts = "".join(f"  h{number}: {{site: a, address: h{number}, via: [bas]}}\n" for number in range(600))
    assert len(parsed(changed(("hosts:\n", "hosts:\n" + hosts))).hosts) == 604


def test_missing_sections_are_named_and_what_refers_to_them_is_not_told_again():
    lines = mistakes("version: 1\ncluster: {name: x}\nhosts:\n  h: {site: nowhere, address: h}\nweb_nodes: {}\n")
    assert [line.split("; ")[0] for line in lines] == [
        "inv.yaml:1:1: sites: missing",
        "inv.yaml:1:1: database: missing",
        "inv.yaml:5:12: web_nodes: an empty mapping",
    ]


def test_names_that_were_refused_are_listed_without_their_control_characters():
    lines = mistakes(changed(("  b: {}\n", '  b: {}\n  "x\\e[31m": {}\n'), ("db2: {site: b", 'db2: {site: "x\\e[31"')))
    assert lines[1] == "inv.yaml:11:15: hosts.db2.site: no site is called 'x?[31'; did you mean 'x?[31m'? allowed: a, b, x?[31m"


def test_a_thousand_dangling_references_stay_quick_and_short():
    hosts = "".join(f"  h{number}: {{site: a{number}, address: h{number}}}\n" for number in range(1000))
    lines = mistakes(changed(("hosts:\n", "hosts:\n" + hosts)))
    assert len(lines) == 1000
    assert max(map(len, lines)) < 200
    assert SMALL not in lines
