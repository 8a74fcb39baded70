"""JSON that a host, a server or a file on one told: what cannot be read is one kind of error, whatever is wrong with it."""

import json
import math
from typing import Any


def told_json(text: str | bytes) -> Any:
    """Return what `text` says.

    Raises:
        json.JSONDecodeError: It is no JSON, is nested so deeply that nobody meant it, or holds a number that is none.
    """
    try:
        return json.loads(text, parse_constant=_refused, parse_float=_finite)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(f"no JSON that is used here ({type(error).__name__})", "", 0) from None


def _refused(word: str) -> Any:
    raise ValueError(word)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
