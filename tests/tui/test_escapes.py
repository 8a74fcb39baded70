"""Esc and the key behind it in one packet are two keys, and nothing that a terminal sends is taken apart."""

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key, Paste

from ppsconsole.tui.terminal.escapes import ESC, Escapes


def read(*packets: str) -> list[str]:
    """Return what the driver makes of packets of a terminal: keys by their names, and what is pasted."""
    parser, escapes = XTermParser(False), Escapes()
    found: list[str] = []

    def take(part: str) -> None:
        messages = [Key("escape", ESC)] if part == ESC else list(parser.feed(part))
        found.extend(each.key if isinstance(each, Key) else each.text for each in messages if isinstance(each, Key | Paste))

    for packet in packets:
        for part in escapes.parts(packet):
            take(part)
    if late := escapes.late():
        take(late)
    return found


@pytest.mark.parametrize(
    ("packets", "keys"),
    [
        (["\x1bf"], ["escape", "f"]),
        (["\x1b\r"], ["escape", "enter"]),
        (["\x1b:wq"], ["escape", "colon", "w", "q"]),
        (["\x1bG"], ["escape", "G"]),
        (["\x1b1\x1b\t"], ["escape", "1", "escape", "tab"]),
        (["\x1b\x1bf"], ["escape", "escape", "f"]),
        (["\x1b", "f"], ["escape", "f"]),
        (["\x1b"], ["escape"]),
        (["\x1b\x1b"], ["escape", "escape"]),
        (["\x1b", "[A"], ["up"]),
        (["\x1b[", "A"], ["up"]),
        (["\x1b\x1b[A"], ["escape", "up"]),
        (["\x1bOP\x1b/x"], ["f1", "escape", "slash", "x"]),
        (["\x1b[200~a\x1bfb\x1b[201~\x1bx"], ["afb", "escape", "x"]),
        (["\x1b[200~a\x1b", "fb", "c\x1b[201~\x1bx"], ["afbc", "escape", "x"]),
        (["\x1b[20", "0~a\x1bq", "b\x1b[2", "01~x"], ["aqb", "x"]),
        (["\x1b[2", "1~"], ["f10"]),
    ],
)
def test_escape_is_a_key_where_no_sequence_follows(packets: list[str], keys: list[str]) -> None:
    assert read(*packets) == keys


def test_an_end_of_a_string_stays_with_it() -> None:
    reply = "\x1b]11;rgb:00/00/00\x1b\\"
    assert list(Escapes().parts(reply)) == [reply]
    assert list(Escapes().parts("")) == []
