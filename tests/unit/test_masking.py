"""Masking: what it finds, and that looking for hints first hides nothing from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppsconsole.masking import _SHAPES, MASK, _masked_shape, mask

PIECES = [
    "password",
    "PassWd",
    "pwd",
    "Secret",
    "access_token",
    "token",
    "sslPASSWORD",
    "bearer ",
    "Basic ",
    "://",
    "=",
    ": ",
    '"',
]
PIECES += ["postgres", "pps", "user", "@", "hunter2hunter2", " ", "'", ",", "paſſword", "toKen", "x"]


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "PWD: hunter2",
        "paſſword=hunter2",
        "to\u212aen=hunter2",
        "postgres://u:hunter2@db",
        "Bearer hunter2hunter2",
    ],
)
def test_shapes_are_masked_in_any_spelling(text: str) -> None:
    assert "hunter2" not in mask(text)
    assert MASK in mask(text)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_looking_for_hints_first_hides_nothing(text: str) -> None:
    assert mask(text) == _SHAPES.sub(_masked_shape, text)
