"""`ppsconsole keys`, and the options that go before a person's own console.yaml."""

import json
import os
import subprocess
import sys
from pathlib import Path

from ppsconsole.cli.options import Options
from ppsconsole.settings.sheet import BEGIN, END


def keys(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "XDG_CONFIG_HOME": str(home), "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "ppsconsole", "keys", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)


def settle(home: Path, text: str) -> None:
    (home / "ppsconsole").mkdir()
    path = home / "ppsconsole" / "console.yaml"
    path.write_text(text)
    path.chmod(0o600)


def test_the_table_is_printed_with_the_users_own_keys(tmp_path: Path) -> None:
    settle(tmp_path, 'keys: {events: "E"}\n')
    done = keys(tmp_path)
    assert done.returncode == 0
    assert any(line.split()[:2] == ["E", "events"] and line.endswith("(yours)") for line in done.stdout.splitlines())
    found = {each["id"]: each for each in json.loads(keys(tmp_path, "--json").stdout)}
    assert (found["events"]["keys"], found["events"]["usual_keys"]) == (["E"], ["e"])


def test_a_wrong_file_exits_with_2_and_its_lines(tmp_path: Path) -> None:
    settle(tmp_path, "mouse: maybe\n")
    done = keys(tmp_path)
    assert done.returncode == 2
    assert "console.yaml:1:8: mouse: 'maybe' is not allowed; allowed: true, false" in done.stderr
    assert done.stdout == ""
    assert keys(tmp_path, "--yaml").returncode == 0, "what a right one looks like is told all the same"


def test_a_file_is_renewed_between_its_markers_alone(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nworn out\n{END}\nafter\n")
    assert keys(tmp_path, "--update", str(path)).returncode == 0
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "worn out" not in text
    assert "`q` quit" in text
    path.write_text("no markers\n")
    done = keys(tmp_path, "--update", str(path))
    assert (done.returncode, path.read_text()) == (2, "no markers\n")


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(tmp_path: Path, monkeypatch) -> None:
    settle(tmp_path, "theme: light\nmouse: false\nglyphs: unicode\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("PPSCONSOLE_THEME", raising=False)
    plain = Options(None).settings()
    assert (plain.theme, plain.has_mouse, plain.glyphs) == ("light", False, "unicode")
    monkeypatch.setenv("PPSCONSOLE_THEME", "ansi")
    assert Options(None).settings().theme == "ansi"
    said = Options(None, theme="dark", has_mouse=True, glyphs="ascii").settings()
    assert (said.theme, said.has_mouse, said.glyphs) == ("dark", True, "ascii")
