"""What a stand-in is told, how it finds its database, and its tokens: by value."""

import json
from pathlib import Path

import pytest

from ppsconsole.errors import LabError
from ppsconsole.lab.standin import tokens
from ppsconsole.lab.standin.__main__ import main
from ppsconsole.lab.standin.config import read_config, resolve
from ppsconsole.lab.standin.passwords import hashed, is_password


@pytest.fixture
def document(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "secret").write_text("of-the-database\n")
    connection = {"host": "db1", "port": 5432, "dbname": "pps", "user": "pps", "password_file": "secret"}
    (tmp_path / "connection.json").write_text(json.dumps(connection))
    files = {key: key for key in ("certificate", "key", "hosts_file", "pid_file", "log_file")}
    return {
        "name": "web1",
        "address": "127.0.3.1",
        "port": 10001,
        "connection_file": "connection.json",
        "version": "9.1.11.0",
        **files,
    }


def written(tmp_path: Path, document: dict[str, object]) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(document))
    return path


def test_a_configuration_is_read_with_what_it_names(tmp_path: Path, document: dict[str, object]) -> None:
    config = read_config(written(tmp_path, document))
    assert (config.name, config.address, config.port, config.user) == ("web1", "127.0.3.1", 10001, None)
    assert config.connection.password == "of-the-database"
    assert config.admin_password == "admin"
    assert config.pid_file == tmp_path / "pid_file"
    assert "of-the-database" not in repr(config) + repr(config.connection)


def test_an_admin_password_comes_from_its_file(tmp_path: Path, document: dict[str, object]) -> None:
    config = read_config(written(tmp_path, document | {"admin_password_file": "secret", "user": [1000, 1000]}))
    assert config.admin_password == "of-the-database"
    assert config.user == (1000, 1000)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": ""}, r"config\.json: 'name' is missing"),
        ({"port": 0}, "'port' is missing or not a port"),
        ({"port": True}, "'port' is missing or not a port"),
        ({"address": "192.0.2.1"}, "'192.0.2.1' is not a loopback address"),
        ({"address": "web1.lab"}, r"'web1\.lab' is not a loopback address"),
        ({"user": "nobody"}, r"'user' is not \[uid, gid\]"),
        ({"connection_file": "absent.json"}, r"absent\.json: cannot be read"),
        ({"connection_file": "secret"}, "secret: not valid JSON"),
    ],
)
def test_a_mistake_is_named_with_its_file(
    tmp_path: Path, document: dict[str, object], change: dict[str, object], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, document | change)
    with pytest.raises(LabError, match=reason):
        read_config(path)
    assert main([str(path)]) == 1
    assert capsys.readouterr().err.startswith("pps stand-in: ")


def test_without_its_file_it_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "configuration file" in capsys.readouterr().err


def test_names_come_from_the_hosts_file_alone(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("# lab\n\n127.0.2.1 db1 db1.lab # primary\n192.0.2.9 elsewhere\n")
    assert resolve("DB1.lab", hosts) == "127.0.2.1"
    assert resolve("127.9.9.9", hosts) == "127.9.9.9"
    for host, reason in [
        ("primary", "not in the hosts file"),
        ("localhost", "not in the hosts file"),
        ("elsewhere", "not a loopback"),
    ]:
        with pytest.raises(LabError, match=reason):
            resolve(host, hosts)


def test_a_token_ends_and_cannot_be_changed() -> None:
    token = tokens.issued("admin", b"key", 1000.0)
    assert tokens.holder(token, b"key", 1000.0 + tokens.LIFETIME_S - 1) == "admin"
    assert tokens.holder(token, b"key", 1000.0 + tokens.LIFETIME_S) is None
    assert tokens.holder(token, b"another key", 1000.0) is None
    assert (
        tokens.holder(tokens.issued("root", b"guess", 1000.0).split(".")[0] + "." + token.split(".")[1], b"key", 1000.0) is None
    )
    for damaged in ("", ".", token[:-1], token + "x", "ünïcode.ünïcode"):
        assert tokens.holder(damaged, b"key", 1000.0) is None


def test_a_password_is_known_by_its_hash_only() -> None:
    stored = hashed("pässword")
    assert "pässword" not in stored
    assert hashed("pässword") != stored
    assert is_password("pässword", stored)
    assert not is_password("password", stored)
