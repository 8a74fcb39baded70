import asyncio
import sys
import traceback
import types

import pytest

from ppsconsole.drivers import secrets
from ppsconsole.errors import SecretError
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.masking import mask


def resolve(scheme: str, rest: str) -> str:
    return asyncio.run(secrets.resolve(SecretRef(scheme, rest)))


def refused(scheme: str, rest: str) -> str:
    with pytest.raises(SecretError) as told:
        resolve(scheme, rest)
    assert told.value.where == f"{scheme}:{rest}"
    shown = "".join(traceback.format_exception(told.value)) + str(told.value.__context__)
    assert "s3cr3t" not in shown
    return str(told.value)


def private_file(tmp_path, content: bytes, mode: int = 0o600):
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_from_the_environment(monkeypatch):
    monkeypatch.setenv("PPSCONSOLE_TEST_SECRET", "from the env\n")
    assert resolve("env", "PPSCONSOLE_TEST_SECRET") == "from the env\n"
    assert "Export PPSCONSOLE_TEST_NONE" in refused("env", "PPSCONSOLE_TEST_NONE")
    monkeypatch.setenv("PPSCONSOLE_TEST_SECRET", "")
    assert "is empty" in refused("env", "PPSCONSOLE_TEST_SECRET")


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"plain", "plain"), (b"one newline\n\n", "one newline\n"), (b"windows\r\n", "windows"), ("größe\n".encode(), "größe")],
)
def test_from_a_file(tmp_path, content, secret):
    assert resolve("file", str(private_file(tmp_path, content))) == secret


def test_a_file_that_others_can_read_is_refused(tmp_path):
    for mode in (0o640, 0o604, 0o620):
        path = private_file(tmp_path, b"s3cr3t", mode)
        assert f"chmod 600 {path}" in refused("file", str(path))
    assert "No such file" in refused("file", str(tmp_path / "none"))
    assert "ordinary file" in refused("file", "/dev/null") or "chmod" in refused("file", "/dev/null")
    assert "not UTF-8" in refused("file", str(private_file(tmp_path, b"s3cr3t\xff")))
    assert "no secret" in refused("file", str(private_file(tmp_path, b"s3cr3t" * 20000)))


def test_from_a_command():
    assert resolve("command", "printf '%s\\n' 'a b'") == "a b"
    assert resolve("command", "printf %s $HOME") == "$HOME", "there is no shell"
    assert resolve("command", "sh -c 'cat; echo closed'") == "closed", "standard input is closed"
    assert "exit status 3" in refused("command", "sh -c 'echo leaked; echo leaked >&2; exit 3'")
    assert "leaked" not in refused("command", "sh -c 'echo leaked; echo leaked >&2; exit 3'").partition(": ")[2].partition(":")[2]
    assert "No such file" in refused("command", "/no/such/program")
    assert "open quote" in refused("command", "echo 'x")
    assert "empty" in refused("command", " ")


def test_a_command_that_hangs_or_floods_is_ended(monkeypatch):
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT_S", 0.3)
    assert "nothing within" in refused("command", "sh -c 'sleep 600 | cat'")
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT_S", 20.0)
    assert "no secret" in refused("command", "yes s3cr")


def test_from_the_keyring(monkeypatch):
    ring = types.ModuleType("keyring")
    ring.get_password = lambda service, user: {("pps/db", "ops"): "from the ring"}.get((service, user))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    assert resolve("keyring", "pps/db/ops") == "from the ring"
    assert "keyring set pps/db other" in refused("keyring", "pps/db/other")

    def locked(service, user):
        raise RuntimeError("s3cr3t")

    ring.get_password = locked  # type: ignore[attr-defined]
    assert "refused (RuntimeError)" in refused("keyring", "pps/db/ops")
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "not installed" in refused("keyring", "pps/db/ops")


def test_what_was_resolved_is_masked(tmp_path):
    assert resolve("file", str(private_file(tmp_path, b"tr0ub4dor&3\n"))) == "tr0ub4dor&3"
    assert mask("the word is tr0ub4dor&3.") == "the word is •••."
