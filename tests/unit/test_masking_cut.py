"""Secrets where a text is cut: at the end of what is read at once, between two pieces of a line, where only an end is kept."""

import pytest

from ppsconsole.drivers.log import NEAR_LINE, Splitter
from ppsconsole.drivers.pipes import ERRORS_BYTES, Ending
from ppsconsole.masking import MASK, mask, masker, plain

KNOWN = "Kö7-Qz4!vW9€xJ2$"
"""With characters of two and three bytes: a cut goes through them, too."""

UNKNOWN = "Uq8Zt3Yw6Rk5Hn1M"
SAID = {
    "known": f"found {KNOWN} there",
    "percent-encoded": "postgresql://pps:K%c3%b67-Qz4%21vW9%E2%82%ACxJ2%24@db1/pps",
    "a URL": f"dial postgresql://pps:{UNKNOWN}@db1/pps failed",
    "a connection string": f"host=db1 password='{UNKNOWN} {UNKNOWN}' user=x",
    "a variable": f"PGPASSWORD={UNKNOWN} psql",
    "an option": f"x --password {UNKNOWN} y",
    "a header": f"Authorization: Bearer {UNKNOWN}{UNKNOWN}",
    "a line of .pgpass": f"db1:5432:pps:console:{UNKNOWN}",
}
PARTS = {word[at : at + 4] for word in (KNOWN, UNKNOWN) for at in range(len(word) - 3)}


def nothing_of_it(text: str) -> None:
    found = [part for part in PARTS if part in text]
    assert not found, f"{found} in …{text[-60:]}"


@pytest.mark.parametrize(("name", "read"), zip(SAID, [1 << 16, NEAR_LINE, 4099, 1 << 15] * 2, strict=True))
def test_a_secret_is_not_divided_between_two_pieces_of_a_line(name: str, read: int) -> None:
    masker.add(KNOWN)
    said = SAID[name]
    for before in range(NEAR_LINE - len(said.encode()) - 2, NEAR_LINE + 2, 5):
        raw = b"." * before + b" " + said.encode() + b" " + b"." * NEAR_LINE
        splitter = Splitter()
        lines = [line for at in range(0, len(raw), read) for line in splitter.feed(raw[at : at + read])] + splitter.end()
        nothing_of_it("".join(lines))
        assert all(len(line) <= NEAR_LINE for line in lines)
        assert sum(line.count(".") for line in lines) == before + NEAR_LINE, "nothing else is lost"


@pytest.mark.parametrize("name", SAID)
def test_what_is_cut_off_behind_a_secret_shows_nothing_of_it(name: str) -> None:
    masker.add(KNOWN)
    said = SAID[name]
    for more in range(0, len(said), 2):
        text = " " * ((1 << 16) + 4 * 400 - more) + said  # blanks count when it is cut, and then fall together
        nothing_of_it(plain(text))


@pytest.mark.parametrize("name", SAID)
def test_the_end_that_is_kept_begins_within_no_secret(name: str) -> None:
    masker.add(KNOWN)
    said = SAID[name]
    for behind in range(ERRORS_BYTES - len(said.encode()), ERRORS_BYTES + 1, 11):
        ending = Ending()
        for piece in (b"-" * 50_000, b" " + said.encode(), b" " + b"." * behind):
            ending.feed(piece)
        nothing_of_it(mask(ending.text()))


def test_a_private_key_in_a_log_is_masked_line_by_line() -> None:
    body = [UNKNOWN * 4, UNKNOWN * 4, UNKNOWN[:6] + "=="]
    lines = ["-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "", *body, "-----END RSA PRIVATE KEY-----", "and on"]
    for prefix in ("", "Nov 23 19:00:00 db1 sh[12]: "):
        splitter = Splitter()
        raw = "".join(f"{prefix}{line}\n" for line in lines).encode()
        shown = [line for at in range(0, len(raw), 7) for line in splitter.feed(raw[at : at + 7])]
        assert len(shown) == len(lines)
        nothing_of_it("\n".join(shown))
        assert shown[-1] == f"{prefix}and on"
    splitter = Splitter()
    shown = splitter.feed(b"-----BEGIN RSA PRIVATE KEY-----\nthat is how it begins.\nconnection received\n")
    assert shown[1:] == ["that is how it begins.", "connection received"]


@pytest.mark.parametrize(
    "between",
    [
        "\x1b[0m",
        "\x1b[38;5;1m",
        "\x1b[K",
        "\x1b]8;;http://x\x07",
        "\x1b]52;c;eA==\x1b\\",
        "\u200b",
        "\xad",
        "\r",
        "\x08",
        "\x9b1m",
    ],
)
def test_what_is_not_seen_hides_no_secret(between: str) -> None:
    masker.add(KNOWN)
    hidden = KNOWN[:5] + between + KNOWN[5:]
    if between != "\r":  # counts as a blank: who has it in a secret is told nothing of the rest, and the rest is no secret
        assert plain(f"found {hidden} there") == f"found {MASK} there"
    assert UNKNOWN not in plain(f"pass{between}word={UNKNOWN} there")


def test_secrets_with_characters_that_are_escaped_are_known_escaped() -> None:
    secret = "ab\x1bc\td\\e'f\u202eg"
    masker.add(secret)
    for written in (secret, repr(secret), repr(secret.encode().decode("latin-1"))[:0] + repr((secret,)), f"{KeyError(secret)}"):
        assert mask(written).count(MASK) == 1, written
    masker.add("half\udcff-secret")
    assert plain("it is half\udcff-secret.") == f"it is {MASK}."
