"""The table of keys and what is made from it."""

import pytest
from textual.binding import Binding

from ppsconsole.draw.text import UNICODE, line_text
from ppsconsole.settings.actions import ACTIONS, Action, KeymapError, check
from ppsconsole.settings.keys import FORBIDDEN, shown_key
from ppsconsole.settings.sheet import BEGIN, END, markdown, renewed
from ppsconsole.tui.keymap import bindings
from ppsconsole.tui.screens.help import help_lines
from ppsconsole.tui.widgets.key_strip import key_line


def test_one_key_with_two_meanings_in_one_place_is_refused() -> None:
    twice = (Action("a", ("x",), "a", "", "home"), Action("b", ("x",), "b", "", "home"))
    with pytest.raises(KeymapError, match="x means both 'a' and 'b'"):
        check(twice)


def test_a_key_that_works_everywhere_cannot_mean_something_else_on_a_page() -> None:
    with pytest.raises(KeymapError, match="on a page"):
        check((Action("a", ("x",), "a", "", "everywhere"), Action("b", ("x",), "b", "", "page")))


def test_one_key_may_mean_two_things_in_two_places() -> None:
    check((Action("a", ("x",), "a", "", "home"), Action("b", ("x",), "b", "", "page")))


@pytest.mark.parametrize("key", sorted(FORBIDDEN))
def test_keys_that_terminals_keep_for_themselves_are_refused(key: str) -> None:
    with pytest.raises(KeymapError, match="forbidden"):
        check((Action("a", (key,), "a", "", "home"),))


def test_every_mistake_is_named_at_once() -> None:
    wrong = (Action("a", ("ctrl+b",), "a", "", "home"), Action("a", ("y",), "a", "", "home"))
    with pytest.raises(KeymapError, match=r"ctrl\+b of 'a' is forbidden.*; the action 'a' is there twice"):
        check(wrong)


def test_bindings_hold_every_key_of_their_place() -> None:
    made = {key for each in bindings("home") if isinstance(each, Binding) for key in each.key.split(",")}
    assert made == {key for action in ACTIONS if action.where == "home" for key in action.keys}


@pytest.mark.parametrize("width", [140, 80, 40])
def test_help_lists_every_key_with_what_it_does(width: int) -> None:
    shown = "\n".join(line_text(line) for line in help_lines(width, UNICODE))
    for action in ACTIONS:
        assert ", ".join(shown_key(key) for key in action.keys) in shown
        assert action.description.split()[0] in shown


def test_help_and_quit_stay_on_the_narrowest_strip() -> None:
    for width in range(20, 141):
        text = line_text(key_line("home", width))
        assert len(text) <= width
        assert text.endswith("? Help  q Quit")


def test_the_readme_tells_the_keys_that_are(root) -> None:
    text = (root / "README.md").read_text()
    assert renewed(text, BEGIN, END, markdown()) == text, "renew it: ppsconsole keys --update README.md"
