"""`console.yaml`: what it may say, and how what is wrong in it is told."""

from pathlib import Path

import pytest

from ppsconsole.errors import SettingsError
from ppsconsole.settings.actions import ACTIONS
from ppsconsole.settings.file import Settings, load_settings
from ppsconsole.settings.keys import FORBIDDEN, key_name, shown_key, why_forbidden
from ppsconsole.settings.sheet import commented_yaml


@pytest.fixture
def write(tmp_path: Path):
    folder = tmp_path / "ppsconsole"
    folder.mkdir()

    def written(text: str, **environ: str) -> Settings:
        path = folder / "console.yaml"
        path.write_text(text)
        path.chmod(0o600)
        return load_settings({"XDG_CONFIG_HOME": str(tmp_path), **environ})

    return written


def refused(write, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        write(text)
    assert caught.value.exit_code == 2
    return [f"{each.line}:{each.column} {each.what}; {each.allowed}" for each in caught.value.mistakes]


def test_without_a_file_everything_is_as_usual(tmp_path: Path) -> None:
    found = load_settings({"XDG_CONFIG_HOME": str(tmp_path)})
    assert found == Settings()
    assert found.actions() is ACTIONS


def test_every_field_is_read(write) -> None:
    found = write('theme: light\nmouse: false\nglyphs: ascii\nkeys: {events: "E", quit: [Q, Ctrl+D, F5], page-down: PgDn}\n')
    assert (found.theme, found.has_mouse, found.glyphs) == ("light", False, "ascii")
    keys = {each.id: each.keys for each in found.actions()}
    assert keys["events"] == ("E",)
    assert keys["quit"] == ("Q", "ctrl+d", "f5")
    assert keys["page-down"] == ("pagedown",)
    assert keys["commands"] == ("c",), "what is not named stays"


def test_two_actions_may_change_places(write) -> None:
    keys = {each.id: each.keys for each in write('keys: {events: "c", commands: "e"}').actions()}
    assert (keys["events"], keys["commands"]) == (("c",), ("e",))


def test_the_environment_goes_before_the_file(write) -> None:
    assert write("theme: light", PPSCONSOLE_THEME="dark").theme == "dark"


def test_every_mistake_is_told_with_line_value_and_what_is_allowed(write) -> None:
    told = refused(
        write,
        "colour: red\nmouse: yes\nglyphs: asci\nkeys:\n  evnts: x\n  copy: hyperspace\n  help: [Ctrl+B, '?']\n  poll: c\n"
        "  interrupt: X\n  to-run: ctrl+c\n  quit: []\n",
    )
    expected = [
        ("1:1", "'colour'", "theme, mouse, glyphs, keys"),
        ("2:8", "'yes'", "true, false"),
        ("3:9", "'asci'", "did you mean 'ascii'"),
        ("5:3", "'evnts'", "did you mean 'events'"),
        ("6:9", "'hyperspace' is no key", "Ctrl+letter"),
        ("7:10", "'Ctrl+B' is forbidden: tmux", "any other key"),
        ("8:9", "c means both 'commands' and 'poll'", "another key"),
        ("9:3", "'interrupt'", "allowed:"),
        ("10:11", "Ctrl+C always quits", "any other key"),
        ("11:9", "a list", "one to 6 keys"),
    ]
    assert len(told) == len(expected), told
    for line, (place, what, allowed) in zip(told, expected, strict=True):
        assert line.startswith(f"{place} ")
        assert what in line
        assert allowed in line


def test_a_key_that_works_everywhere_overlaps_with_one_on_a_page(write) -> None:
    told = refused(write, "keys: {events: b}")
    assert all("b means both" in line for line in told)
    assert any("(on a page" in line for line in told)


@pytest.mark.parametrize("text", ["- theme", "keys: up", "theme: {}", "theme: dark\ntheme: light", "keys: {quit: [[q]]}"])
def test_what_has_the_wrong_shape_is_refused(write, text: str) -> None:
    assert refused(write, text)


def test_a_file_that_others_can_write_is_refused(write, tmp_path: Path) -> None:
    write("mouse: false")
    (tmp_path / "ppsconsole" / "console.yaml").chmod(0o666)
    with pytest.raises(SettingsError, match="can be written by"):
        load_settings({"XDG_CONFIG_HOME": str(tmp_path)})


def test_the_commented_file_says_how_everything_is_anyway(write) -> None:
    text = commented_yaml(("dark", "light"))
    assert write(text) == Settings(path=write(text).path), "as it stands it changes nothing"
    settings = write("\n".join(line[2:] for line in text.splitlines() if line.startswith("# ")))
    assert settings.actions() == ACTIONS
    assert set(settings.keys) == {each.id for each in ACTIONS if not each.is_fixed}


def test_every_printable_character_is_called_what_the_console_calls_it() -> None:
    from textual.keys import _character_to_key

    for code in range(33, 127):
        assert key_name(chr(code)) == _character_to_key(chr(code))
        assert shown_key(_character_to_key(chr(code))) == chr(code)


@pytest.mark.parametrize("key", ["alt+x", "ctrl+shift+c", "shift+pageup", "ctrl+pageup", "super+a", *FORBIDDEN])
def test_keys_that_do_not_arrive_are_known(key: str) -> None:
    assert why_forbidden(key)


def test_no_key_of_ours_is_one_of_them() -> None:
    assert [key for action in ACTIONS for key in action.keys if why_forbidden(key)] == []
