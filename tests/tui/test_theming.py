"""Themes: what is shipped can be read and told apart, a person's own are checked, changed and read again."""

import itertools
import os
from pathlib import Path

import pytest
from textual import _border
from textual.css import constants

import ppsconsole.tui.theming as theming
from ppsconsole.draw.text import ASCII
from ppsconsole.errors import SettingsError, UsageError
from ppsconsole.inventory.places import config_home
from ppsconsole.settings.file import Settings
from ppsconsole.tui.borders import LAB_ASCII, add_borders
from ppsconsole.tui.contrast import LINES, TEXTS, contrast, hard_to_see
from ppsconsole.tui.theme_file import COLOURS, Palette
from ppsconsole.tui.theming import load_palette, palette_for, shipped_names, shipped_palette, suitable_theme, theme_names
from tests.tui.screen_text import screen_lines
from tests.tui.scripted import Console, run_console
from tests.tui.sight import EYES, apart, of_256
from tests.unit.snapshots import fine, primary_down

SHIPPED = ("ansi", "ansi-light", "dark", "high-contrast", "high-contrast-light", "light", "safe")
OF_THEIR_OWN = tuple(name for name in SHIPPED if not name.startswith("ansi"))
STATES = ("ok", "warn", "down", "off", "unknown")

# what is shipped ----------------------------------------------------------------------------------------------------


def test_all_themes_load() -> None:
    assert shipped_names() == theme_names() == SHIPPED
    for name in SHIPPED:
        palette = load_palette(name)
        assert palette.name == name
        assert tuple(palette.colours) == tuple(COLOURS)
        assert palette.is_dark is not name.endswith("light")
        assert palette.is_ansi is name.startswith("ansi")


@pytest.mark.parametrize("name", OF_THEIR_OWN)
def test_everything_can_be_read_on_what_it_stands_on(name: str) -> None:
    """WCAG 2 AA asks for a contrast of 4.5 for text and 3 for drawings, AAA for 7 for text."""
    palette = load_palette(name)
    if name.startswith("high-contrast"):
        assert hard_to_see(palette, 7.0, 4.5) == []
    else:
        assert hard_to_see(palette) == []


@pytest.mark.parametrize("name", OF_THEIR_OWN)
def test_everything_can_be_read_on_a_terminal_with_256_colours(name: str) -> None:
    palette = load_palette(name)
    assert hard_to_see(Palette(name, True, False, {key: of_256(value) for key, value in palette.colours.items()})) == []


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert set(TEXTS) | set(LINES) | {"background", "panel"} == set(COLOURS), "no colour is left unchecked"


@pytest.mark.parametrize("name", OF_THEIR_OWN)
@pytest.mark.parametrize("shown", [str, of_256], ids=["24-bit", "256"])
def test_states_are_told_apart(name: str, shown) -> None:
    """Glyph and word tell them too; in `safe` the colours alone do for every kind of eyes."""
    colours = load_palette(name).colours
    for eyes in EYES if name == "safe" else ("normal",):
        for one, other in itertools.combinations(STATES, 2):
            assert apart(shown(colours[one]), shown(colours[other]), eyes) >= 20, (eyes, one, other)


def test_the_simulation_of_eyes_knows_red_from_green() -> None:
    assert apart("#d00000", "#5a7000", "normal") > 60
    assert apart("#d00000", "#5a7000", "protanopia") < apart("#d00000", "#5a7000", "normal") / 2
    for eyes in EYES:
        assert apart("#808080", "#818181", eyes) < 1, "greys stay greys"
        assert apart("#000000", "#ffffff", eyes) > 95


XTERM = "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff"
LINUX = "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa 555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff"
WINDOWS = "0c0c0c c50f1f 13a10e c19c00 0037da 881798 3a96dd cccccc 767676 e74856 16c60c f9f1a5 3b78ff b4009e 61d6d6 f2f2f2"
NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


@pytest.mark.parametrize("sixteen", [XTERM, LINUX, WINDOWS], ids=["xterm", "linux", "windows"])
@pytest.mark.parametrize(("theme", "ground"), [("ansi", "#000000"), ("ansi-light", "#ffffff")])
def test_well_known_terminals_show_their_own_colours_well_enough(theme: str, ground: str, sixteen: str) -> None:
    """At least 3, that of large or bold text: what a terminal means by red is the terminal's."""
    values = ["#" + each for each in sixteen.split()]
    names = [f"ansi_{each}" for each in NAMES] + [f"ansi_bright_{each}" for each in NAMES]
    for key, word in load_palette(theme).colours.items():
        if word != "ansi_default":
            assert contrast(dict(zip(names, values, strict=True))[word], ground) >= 3, (key, word)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"TERM": "xterm-256color"}, "dark"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "dark"),
        ({"TERM": "xterm-kitty"}, "dark"),
        ({"TERM": "linux"}, "ansi"),
        ({"TERM": "screen"}, "ansi"),
        ({"TERM": "xterm-16color"}, "ansi"),
        ({"TERM": "rxvt", "COLORFGBG": "0;default;15"}, "ansi-light"),
        ({"TERM": "rxvt", "COLORFGBG": "15;0"}, "ansi"),
        ({}, "ansi"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "ansi"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1", "PPSCONSOLE_THEME": "light"}, "light"),
    ],
)
def test_the_terminal_decides(environ: dict[str, str], name: str) -> None:
    assert suitable_theme(environ) == name


def test_an_unknown_theme_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"Allowed: ansi, ansi-light, dark, .* safe"):
        load_palette("solarized")
    with pytest.raises(UsageError, match="no theme called"):
        load_palette("../dark")


# a person's own -----------------------------------------------------------------------------------------------------

WHOLE = "dark: true\nansi: false\ncolours:\n" + "".join(f"  {name}: '#123456'\n" for name in COLOURS)


def own(name: str, text: str) -> Path:
    path = config_home() / "themes" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o600)
    os.replace(fresh, path)
    return path


def test_a_theme_of_ones_own_is_found_beside_the_others() -> None:
    own("mine", WHOLE)
    assert theme_names() == tuple(sorted((*SHIPPED, "mine")))
    assert load_palette("mine") == Palette("mine", True, False, dict.fromkeys(COLOURS, "#123456"))


def test_a_theme_may_be_like_another_but_for_some_colours() -> None:
    own("mine", "like: light\ncolours: {ok: '#004400', off: '#333333'}\n")
    mine, light = load_palette("mine"), load_palette("light")
    assert mine.is_dark is False
    assert {key for key in COLOURS if mine.colours[key] != light.colours[key]} == {"ok", "off"}


def test_ones_own_goes_before_a_shipped_one_of_the_same_name() -> None:
    own("dark", "like: dark\ncolours: {ok: '#00ff00'}\n")
    assert load_palette("dark").colours["ok"] == "#00ff00"
    assert shipped_palette("dark").colours["ok"] != "#00ff00"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            WHOLE.replace("  lab: '#123456'\n", ""),
            "mine.yaml:3:1: colours.lab: missing; required: a colour for frames and titles",
        ),
        (
            WHOLE + "  mauve: '#123456'\n",
            "mine.yaml:20:3: colours.mauve: 'mauve' is not known among the colours of a theme; .*allowed",
        ),
        (
            WHOLE.replace("ok: '#123456'", "ok: greenish"),
            "mine.yaml:7:7: colours.ok: 'greenish' is no colour; allowed: \"#rrggbb\"",
        ),
        (WHOLE.replace("ok: '#123456'", "ok: #123456"), "mine.yaml:7:.*colours.ok: an empty value is no colour; .*in quotes"),
        (WHOLE.replace("dark: true", "dark: maybe"), "mine.yaml:1:7: dark: 'maybe' is not allowed; .*true, false"),
        (WHOLE.replace("ansi: false", "ansi: true"), "mine.yaml:4:9: colours.text: '#123456' is no colour of the terminal's own"),
        ("like: drak\n", "mine.yaml:1:7: like: 'drak' is not allowed; did you mean 'dark'"),
        (
            "like: dark\ncolor: {}\n",
            "mine.yaml:2:1: color: 'color' is not known among the keys of a theme; did you mean 'colours'",
        ),
        ("- a\n", "mine.yaml:1:1: a list is of the wrong type"),
        ("a: [", "mine.yaml:"),
    ],
)
def test_a_wrong_theme_is_refused_with_its_line_and_never_keeps_the_console_from_opening(text: str, said: str) -> None:
    own("mine", text)
    with pytest.raises(SettingsError, match=said):
        load_palette("mine")
    palette, why = palette_for("mine", {"TERM": "xterm-256color", "PPSCONSOLE_THEME": "mine"})
    assert palette == shipped_palette("dark")
    assert "mine.yaml" in why
    assert "The theme dark of the console itself is used" in why


def test_the_shipped_one_stands_in_for_a_broken_one_of_the_same_name() -> None:
    own("light", "like: nothing\n")
    palette, why = palette_for("light", {"TERM": "xterm-256color"})
    assert palette == shipped_palette("light")
    assert why


def test_a_theme_that_others_could_have_written_is_not_used() -> None:
    own("mine", WHOLE).chmod(0o666)
    palette, why = palette_for("mine", {"TERM": "linux"})
    assert palette == shipped_palette("ansi")
    assert "chmod go-w" in why


def test_a_broken_shipped_theme_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theming, "themes_folder", lambda: tmp_path)
    (tmp_path / "x.yaml").write_text("like: dark\n")
    with pytest.raises(SettingsError, match=r"x.yaml:1:1: like: 'like' is not known"):
        load_palette("x")


# on the console -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", SHIPPED)
def test_every_theme_draws(theme: str) -> None:
    async def look(opened: Console) -> None:
        assert opened.app.current_theme.name == f"ppsconsole-{theme}"
        assert opened.app.native_ansi_color is theme.startswith("ansi")
        await opened.press("question_mark")

    run_console(look, primary_down(), theme=theme)


def colours_of(opened: Console) -> set[str]:
    """Return all colours on the screen, as they go to the terminal."""
    strips = opened.app.screen._compositor.render_strips()
    return {
        colour.name
        for strip in strips
        for segment in strip
        if segment.style is not None
        for colour in (segment.style.color, segment.style.bgcolor)
        if colour is not None
    }


def sent(colour: str) -> str:
    """Return a theme's colour by the name that Rich has for it."""
    if not colour.startswith("ansi_"):
        return colour
    if colour == "ansi_default":
        return "default"
    name = colour.removeprefix("ansi_").removeprefix("bright_")
    return f"color({NAMES.index(name) + (8 if 'bright' in colour else 0)})"


def test_a_theme_is_switched_to_and_from_the_terminals_own_colours_everywhere() -> None:
    async def look(opened: Console) -> None:
        app = opened.app
        await opened.press("e")
        for name in ("light", "ansi", "safe", "ansi-light", "dark"):
            app.action_use_theme(name)
            await opened.pilot.pause()
            await opened.pilot.pause()
            palette = load_palette(name)
            assert app.native_ansi_color is palette.is_ansi
            for _ in range(2):  # this page, and the home screen that was below it
                shown = colours_of(opened)
                allowed = {sent(colour) for colour in palette.colours.values()}
                assert shown <= allowed, (name, shown - allowed)
                await opened.press("escape")
            await opened.press("e")

    run_console(look, primary_down(), theme="dark")


def test_no_color_stays_without_colour_whatever_theme_is_worn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def look(opened: Console) -> None:
        for name in (None, "ansi", "safe"):
            if name is not None:
                opened.app.action_use_theme(name)
                await opened.pilot.pause()
            for each in opened.app._filters:
                assert type(each).__name__ != "Monochrome", "it makes greys"
            assert opened.app.native_ansi_color

    run_console(look, primary_down(), theme="light")


def test_ones_own_theme_is_read_again_when_it_changes() -> None:
    own("mine", "like: dark\n")

    async def look(opened: Console) -> None:
        app = opened.app
        app.action_use_theme("mine")
        await opened.pilot.pause()
        assert "#6fcf97" in colours_of(opened)
        own("mine", "like: dark\ncolours: {ok: '#00ff7f'}\n")
        await opened.until(lambda: "#00ff7f" in colours_of(opened))
        assert "#6fcf97" not in colours_of(opened)
        assert "The theme mine was read again." in said(opened)
        own("mine", "like: dark\ncolours: {ok: green}\n")
        await opened.until(lambda: "mine.yaml:2:15: colours.ok: 'green' is no colour" in events(opened))
        assert "#00ff7f" in colours_of(opened), "the colours stay"
        own("mine", "like: dark\ncolours: {text: '#202020'}\n")
        await opened.until(lambda: "text on background has a contrast of 1.2, 4.5 is the least" in events(opened))
        (config_home() / "themes" / "mine.yaml").unlink()
        await opened.until(lambda: "mine.yaml is gone" in events(opened))
        assert "#202020" in colours_of(opened)

    run_console(look, fine(), size=(140, 45))


def events(opened: Console) -> str:
    return "\n".join(event.words for event in opened.app.scene.own_events)


def said(opened: Console) -> str:
    """Return what was said in passing; tests do not draw it."""
    return "\n".join(each.message for each in opened.app._notifications)


def test_only_ones_own_theme_is_looked_after() -> None:
    own("mine", "like: dark\n")

    async def look(opened: Console) -> None:
        colouring = opened.app.colouring
        assert colouring._watch is None
        opened.app.action_use_theme("mine")
        assert colouring._watch is not None
        opened.app.action_use_theme("safe")
        assert colouring._watch is None

    run_console(look)


def test_a_broken_theme_is_told_on_the_screen_and_worn_once_it_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    own("mine", "like: dark\ncolours: {ok: green}\n")
    monkeypatch.setenv("TERM", "xterm-256color")

    async def look(opened: Console) -> None:
        assert "'green' is no colour" in events(opened)
        assert "The theme dark of the console itself is used until that is mended." in said(opened)
        assert opened.app.theme == "ppsconsole-dark"
        own("mine", "like: dark\ncolours: {ok: '#00ff7f'}\n")
        await opened.until(lambda: opened.app.theme == "ppsconsole-mine")

    run_console(look, size=(140, 45), theme=None, settings=Settings(theme="mine"))


def test_a_theme_that_cannot_be_worn_leaves_the_colours_as_they_are() -> None:
    own("mine", "like: nothing\n")

    async def look(opened: Console) -> None:
        opened.app.action_use_theme("mine")
        opened.app.action_use_theme("nosuch")
        await opened.pilot.pause()
        assert "'nothing' is not allowed" in events(opened)
        assert "no theme called 'nosuch'" in events(opened)
        assert opened.app.theme == "ppsconsole-dark"

    run_console(look)


# a lab never looks like production ----------------------------------------------------------------------------------


def frames(opened: Console) -> set[str]:
    """Return the characters that frames are made of on this screen."""
    return set("".join(screen_lines(opened.app))) & set("┌┐╔╗═║#")


@pytest.mark.parametrize("theme", SHIPPED)
def test_a_lab_has_other_frames_and_another_header_in_every_theme(theme: str) -> None:
    def look(expected: str, word: str):
        async def check(opened: Console) -> None:
            assert word in screen_lines(opened.app)[0]
            for key in ("", "e", "L"):
                if key:
                    await opened.press(key)
                assert set(expected) <= frames(opened), key
                if key:
                    await opened.press("escape")

        return check

    run_console(look("╔║", " LAB "), size=(140, 45), environment="lab", theme=theme)
    run_console(look("┌┐", "LIVE"), size=(140, 45), environment="production", theme=theme)


@pytest.mark.parametrize("environment", ["lab", "production"])
def test_a_lab_has_other_frames_in_plain_ascii_too(environment: str) -> None:
    async def look(opened: Console) -> None:
        for key in ("", "e", "L"):
            if key:
                await opened.press(key)
            shown = screen_lines(opened.app)
            assert all(line.isascii() for line in shown)
            assert any(line.endswith("==#") for line in shown) is (environment == "lab"), key
            assert any(line.endswith("--+") for line in shown) is (environment != "lab"), key
            if key:
                await opened.press("escape")

    run_console(look, size=(140, 45), environment=environment, glyphs=ASCII)


def test_the_frame_of_our_own_is_made_like_textuals() -> None:
    add_borders()
    assert LAB_ASCII in constants.VALID_BORDER
    for table in (_border.BORDER_CHARS, _border.BORDER_LOCATIONS, _border.BORDER_LABEL_LOCATIONS):
        assert type(table[LAB_ASCII]) is type(table["ascii"])  # type: ignore[index]
