"""Themes and which one suits a terminal."""

from pathlib import Path

import pytest
from textual.color import Color

import ppsconsole.tui.theming as theming
from ppsconsole.errors import UsageError
from ppsconsole.tui.theming import COLOURS, Palette, load_palette, suitable_theme, theme_names
from tests.tui.scripted import Console, run_console
from tests.unit.snapshots import primary_down


def test_all_themes_load() -> None:
    assert theme_names() == ("ansi", "dark", "light")
    for name in theme_names():
        palette = load_palette(name)
        assert palette.name == name
        assert tuple(palette.colours) == COLOURS
    assert load_palette("dark").is_dark
    assert not load_palette("light").is_dark


def test_the_ansi_theme_speaks_in_the_terminals_own_colours() -> None:
    assert load_palette("ansi").is_ansi
    assert all(value.startswith("ansi_") for value in load_palette("ansi").colours.values())


@pytest.mark.parametrize("name", ["dark", "light"])
def test_text_can_be_read_on_its_background(name: str) -> None:
    """WCAG 2 asks for a contrast of 4.5 for text, 3 for drawings."""
    colours = load_palette(name).colours
    for ground in ("background", "panel"):
        for each in ("text", "dim", "title", "ok", "warn", "down", "off", "unknown", "lab"):
            assert contrast(colours[each], colours[ground]) >= 4.5, (each, ground)
    for each in ("edge", "edge-idle", "edge-broken", "accent"):
        assert contrast(colours[each], colours["background"]) >= 3, each


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [value / 255 for value in Color.parse(colour).rgb]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture
def own_themes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(theming, "themes_folder", lambda: tmp_path)
    return tmp_path


GOOD = "name: x\ndark: true\nansi: false\ncolours:\n" + "".join(f"  {name}: '#123456'\n" for name in COLOURS)


def test_off_needs_no_quotes(own_themes: Path) -> None:
    (own_themes / "x.yaml").write_text(GOOD)
    assert load_palette("x") == Palette("x", True, False, dict.fromkeys(COLOURS, "#123456"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("  lab: '#123456'\n", ""), "missing: lab"),
        (GOOD + "  mauve: '#123456'\n", "not known: mauve"),
        (GOOD.replace("ok: '#123456'", "ok: greenish"), "ok: 'greenish' is no colour"),
        (GOOD.replace("dark: true", "dark: maybe"), "true or false"),
        ("- a\n", "exactly the keys"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_wrong_theme_is_refused_in_words(own_themes: Path, text: str, said: str) -> None:
    (own_themes / "x.yaml").write_text(text)
    with pytest.raises(UsageError, match=said):
        load_palette("x")


def test_an_unknown_theme_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="Allowed: ansi, dark, light"):
        load_palette("solarized")


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"TERM": "xterm-256color"}, "dark"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "dark"),
        ({"TERM": "xterm-kitty"}, "dark"),
        ({"TERM": "linux"}, "ansi"),
        ({"TERM": "screen"}, "ansi"),
        ({}, "ansi"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "ansi"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1", "PPSCONSOLE_THEME": "light"}, "light"),
    ],
)
def test_the_terminal_decides(environ: dict[str, str], name: str) -> None:
    assert suitable_theme(environ) == name


@pytest.mark.parametrize("theme", ["dark", "light", "ansi"])
def test_every_theme_draws(theme: str) -> None:
    async def look(opened: Console) -> None:
        assert opened.app.current_theme.name == f"ppsconsole-{theme}"
        assert opened.app.native_ansi_color is (theme == "ansi")
        await opened.press("question_mark")

    run_console(look, primary_down(), theme=theme)
