"""The ways out as the home screen tells them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppsconsole.advice.diagnosis import Advice
    from ppsconsole.advice.ways import Way


def first_open(advice: "tuple[Advice, ...]") -> "Way | None":
    """Return the way out that the advice ranks first; None when it knows none that is open."""
    return next((way for each in advice for way in each.ways if not way.is_blocked), None)


def way_title(way: "Way") -> str:
    """Return what a way is, e.g. `restart db1`."""
    from ppsconsole.advice.choices import choice_of  # loads all runbooks: the first frame knows no ways yet

    return choice_of(way).title


def way_words(way: "Way") -> str:
    """Return a way in short: what it is and what it costs, or why it is blocked."""
    from ppsconsole.advice.choices import choice_of  # loads all runbooks: the first frame knows no ways yet

    choice = choice_of(way)
    return f"{choice.title}: {choice.words}"
