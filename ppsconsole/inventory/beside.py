"""Loads a large inventory in a process of its own, while the console loads what draws it.

Neither needs the other: where there are two processors, what a thousand hosts take is no part of the time to the first frame.
What comes back is pickled, through a pipe that nobody else has.
"""

import os
import pickle
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from ppsconsole.errors import InventoryError

if TYPE_CHECKING:
    from ppsconsole.inventory.model import Inventory

WORTH_BYTES = 64 * 1024
"""A smaller inventory, of two hundred hosts or less, is loaded as soon as a process is made for it."""

Loading = Callable[[], "Inventory"]
"""Returns the inventory, or raises what `load` would have raised; to be called once."""


def begin(path: str) -> Loading:
    """Begin to load the inventory at `path`, and return what waits for it.

    To be called before there is a second thread. Where another process is not worth it, cannot be had, or comes to nothing, the
    inventory is loaded when it is asked for.

    Args:
        path: As the user named it.
    """
    if not _is_worth_it(path):
        return lambda: _load(path)
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return lambda: _load(path)
    if child == 0:
        _serve(path, writing)
    os.close(writing)
    return lambda: _received(path, reading, child)


def _is_worth_it(path: str) -> bool:
    try:
        size = os.stat(os.path.expanduser(path)).st_size
    except (OSError, ValueError):
        return False
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1 and size >= WORTH_BYTES


def _load(path: str) -> "Inventory":
    from ppsconsole.inventory.load import load  # the parser is not needed where another process has parsed

    return load(path)


def _serve(path: str, writing: int) -> NoReturn:
    """Be the other process: write the inventory, or what is wrong with it, and end without anything that belongs to the first."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            answer: object = _load(path)
        except InventoryError as error:
            answer = error.mistakes
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)


def _received(path: str, reading: int, child: int) -> "Inventory":
    with os.fdopen(reading, "rb") as pipe:
        written = pipe.read()
    os.waitpid(child, 0)
    try:
        answer = pickle.loads(written)
    except (EOFError, pickle.UnpicklingError):
        return _load(path)  # it did not live to say anything: what ended it is seen here
    if isinstance(answer, tuple):
        raise InventoryError(answer)
    found: Inventory = answer
    return found
