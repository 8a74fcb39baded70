"""Key files on the hosts of web nodes: there or not, the same or not, and nothing of them leaves the host."""

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ppsconsole.cluster.keys import KeyFile
from ppsconsole.drivers.base import CommandResult
from ppsconsole.probes.keys import keys_part, parse_keys
from tests.unit.observations import inventory

KEY = "planted-key-4711\n"


def asked(*paths: Path) -> tuple[tuple[KeyFile, ...], str]:
    """Run the question's own text here; return its answer and all that it printed."""
    part = keys_part(replace(inventory().web_nodes["pps1"], key_files=tuple(str(path) for path in paths)), 30.0)
    assert part is not None
    done = subprocess.run(["/bin/sh", "-c", part.command], capture_output=True, text=True, check=True)
    found = part.parse(CommandResult(done.returncode, done.stdout.strip("\n"), done.stderr, 0.1))["keys"]
    assert isinstance(found, tuple)
    return found, done.stdout + done.stderr


def test_the_same_key_has_the_same_mark_and_another_one_has_not(tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one", "it's two", "other"))
    for path, text in ((one, KEY), (two, KEY), (other, "something else\n")):
        path.write_text(text)
    found, printed = asked(one, two, other)
    assert [each.state for each in found] == ["ok"] * 3
    assert found[0].mark == found[1].mark != found[2].mark
    assert "planted" not in printed
    assert found[0].mark not in hashlib.sha256(KEY.encode()).hexdigest()


def test_missing_and_empty_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    found, _ = asked(tmp_path / "gone", tmp_path / "empty")
    assert [(each.state, each.mark) for each in found] == [("missing", ""), ("empty", "")]


def test_without_declared_files_nothing_is_asked() -> None:
    assert keys_part(inventory().web_nodes["pps1"], 30.0) is None


@pytest.mark.parametrize("said", ["", "ok a\nok b", "what"])
def test_any_other_answer_is_none(said: str) -> None:
    with pytest.raises(ValueError, match="each key file"):
        parse_keys(("/k",), CommandResult(0, said, "", 0.1))
