"""What came back through the front, in words: where the way is open and no page comes, that is not called ok."""

import pytest

from ppsconsole.actions.serving import Answer


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer("ok", 200, "pps2", ""), "HTTP 200 from pps2"),
        (Answer("ok", 502, None, ""), "HTTP 502"),
        (
            Answer("ok", None, None, "the certificate, or one above it, has expired"),
            "no page: the certificate, or one above it, has expired",
        ),
        (Answer("ok", None, None, ""), "no page"),
        (Answer("refused", None, None, ""), "refused"),
        (Answer("timed-out", None, None, "no TCP connection within 4s"), "timed-out: no TCP connection within 4s"),
    ],
)
def test_what_a_user_gets_is_said_in_words(answer: Answer, words: str) -> None:
    assert answer.words == words
