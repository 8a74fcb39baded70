"""Masking: what it finds, and that looking for hints first hides nothing from it."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppsconsole.masking import _SHAPES, MASK, Masker, _masked_shape, mask, masker, plain
from tests.unit.deadlines import within

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


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=••• psql"),
        ("client_secret: hunter2", "client_secret: •••"),
        ("password='hunter two' user=x", "password='•••' user=x"),
        ("password='hunt''er2' user=x", "password='•••' user=x"),
        (r"password='hunt\'er2' user=x", "password='•••' user=x"),
        ('{"password": "hunter \\"2", "user": "x"}', '{"password": "•••", "user": "x"}'),
        ("""psql 'password='"'"'hunter two'"'"' user=x'""", """psql 'password='"'"'•••'"'"' user=x'"""),
        (r"psql 'password='\''hunter two'\'' user=x'", r"psql 'password='\''•••'\'' user=x'"),
        ("password=hunt,er2;x user", "password=••• user"),
        ("Host=db1;Password=hunter2;Initial Catalog=pps", "Host=db1;Password=•••;Initial Catalog=pps"),
        ("grant=x&password=hunter2&user=y", "grant=x&password=•••&user=y"),
        ("{password: hunter2, user: x}", "{password: •••, user: x}"),
        ("postgres://pps:hunt@er2@db1/pps", "postgres://pps:•••@db1/pps"),
        ("redis://:hunter2@cache", "redis://:•••@cache"),
        ("curl --password hunter2 https://x", "curl --password ••• https://x"),
        ("pg_dump --no-password pps", "pg_dump --no-password pps"),
        ("AGE-SECRET-KEY-1HUNTER2HUNTER2", "AGE-SECRET-KEY-•••"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----",
            "-----BEGIN OPENSSH PRIVATE KEY-----••• OPENSSH",
        ),
        ("password='hunter2\nthe next line", "password='•••'\nthe next line"),
        ("the password expires; passfile=/etc/pass password_encryption=scram", None),
        ("http://[::1]:8080/a and http://h:80/x@y", None),
    ],
)
def test_values_end_where_they_end(text: str, left: str | None) -> None:
    assert mask(text).startswith(left if left is not None else text)
    assert left is None or left == text or "unter2" not in mask(text)


@pytest.mark.parametrize(
    "written",
    [
        "a b/c'd\"e\\f%&<é  g",
        "a%20b%2Fc%27d%22e%5Cf%25%26%3C%C3%A9%20%20g",
        "a+b%2Fc%27d%22e%5Cf%25%26%3C%C3%A9++g",
        "a b/c'd\\\"e\\\\f%&<\\u00e9  g",
        "a b/c'd\\\"e\\\\f%&<é  g",
        "a b/c&#x27;d&quot;e\\f%&amp;&lt;é  g",
        "a b/c''d\"e\\f%&<é  g",
        "a b/c\\'d\"e\\\\f%&<é  g",
        "a b/c'd\"e\\f%&<é g",
    ],
)
def test_a_secret_is_known_in_every_way_of_writing(written: str) -> None:
    masker.add("a b/c'd\"e\\f%&<é  g")
    assert mask(f"x {written} y") == f"x {MASK} y"
    assert plain(f"x {written} y") == f"x {MASK} y"


def test_each_line_of_a_key_file_is_a_secret() -> None:
    masker.add("# created today\nAGE-HUNTER2HUNTER2\n")
    assert plain("found AGE-HUNTER2HUNTER2") == f"found {MASK}"


@pytest.mark.parametrize(
    "piece", ["a.", "a-", "a://", "a://b:", "password ", "password='", "token=a,", "bearer ", "--a-", "é", "-----BEGIN A"]
)
def test_no_output_keeps_the_console_busy(piece: str) -> None:
    """With a pattern that looks again at what it has seen, each of these takes hours."""
    text = piece * (300_000 // len(piece)) + " secret"
    with within(60):
        assert len(mask(text)) > 100
        assert len(plain(text)) == 400


@pytest.mark.parametrize("unseen", "\x00\x1b\x9b\x7f\xad\u061c\u200b\u202e\u2060\u2066\ufeff\ud800\udfff\U000e0041")
def test_nothing_that_is_not_seen_or_cannot_be_written_is_left(unseen: str) -> None:
    assert plain(f"a{unseen}b") == "a?b"
    assert plain(f"a{unseen}b").encode()


@pytest.mark.parametrize("secret", ["hunt'er2", "it's'two", "'hunter2'"])
def test_a_known_secret_is_known_as_a_shell_is_told_of_it(secret: str) -> None:
    masker = Masker()
    masker.add(secret)
    for told in (shlex.quote(f"a {secret} b"), "'a {} b'".format(secret.replace("'", "'\\''"))):
        assert masker.mask(told) == f"'a {MASK} b'"
