"""Loads an inventory for a start of the console: the same file as at the last one costs next to nothing.

A large one that is new is loaded in a process of its own, while the console loads what draws it. Neither needs the other: where
there are two processors, what a thousand hosts take is no part of the time to the first frame. What comes back is pickled,
through a pipe that nobody else has.
"""

import os
import pickle
import signal
from collections.abc import Callable
from typing import NoReturn

from ppsconsole.errors import InventoryError
from ppsconsole.inventory import files
from ppsconsole.inventory.kept import keep, recalled
from ppsconsole.inventory.model import Inventory

_READERS = (os.path.dirname(os.path.abspath(__file__)),)

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
    try:
        data = files.read(path)
    except InventoryError as error:
        return _refusing(error)
    found = recalled(path, data, _READERS)
    if isinstance(found, Inventory):
        return lambda: found
    if not (hasattr(os, "fork") and (os.cpu_count() or 1) > 1 and len(data) >= WORTH_BYTES):
        return lambda: _parsed(data, path)
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return lambda: _parsed(data, path)
    if child == 0:
        _serve(data, path, writing)
    os.close(writing)
    return lambda: _received(data, path, reading, child)


def _refusing(error: InventoryError) -> Loading:
    def refuse() -> Inventory:
        raise error

    return refuse


def _parsed(data: bytes, path: str) -> Inventory:
    from ppsconsole.inventory.load import parse  # the parser is not needed where somebody else has parsed

    inventory = parse(data, path)
    keep(path, data, _READERS, inventory)
    return inventory


def _serve(data: bytes, path: str, writing: int) -> NoReturn:
    """Be the other process: write the inventory, or what is wrong with it, and end without anything that belongs to the first."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            answer: object = _parsed(data, path)
        except InventoryError as error:
            answer = error.mistakes
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)


def _received(data: bytes, path: str, reading: int, child: int) -> Inventory:
    with os.fdopen(reading, "rb") as pipe:
        written = pipe.read()
    os.waitpid(child, 0)
    try:
        answer = pickle.loads(written)
    except (EOFError, pickle.UnpicklingError):
        return _parsed(data, path)  # it did not live to say anything: what ended it is seen here
    if isinstance(answer, tuple):
        raise InventoryError(answer)
    found: Inventory = answer
    return found
