"""The bindings that Textual wants, made from the table of actions; the keys a person set are laid over them."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from textual.app import App
from textual.binding import Binding, BindingType

from ppsconsole.settings.actions import ACTIONS, APART, PLACES, Action, Place
from ppsconsole.settings.keys import shown_key


def bindings(where: Place, actions: Iterable[Action] = ACTIONS) -> list[BindingType]:
    """Return the bindings for the actions of one place, each with the action's id."""
    return [
        Binding(",".join(action.keys), action.run, action.description, show=False, id=action.id, priority=action.is_instant)
        for action in actions
        if action.where == where
    ]


def overlay(actions: Iterable[Action]) -> dict[str, str]:
    """Return what `App.set_keymap` takes to give actions the keys that they have in `actions`: only those that differ."""
    usual = {each.id: each.keys for each in ACTIONS}
    return {each.id: ",".join(each.keys) for each in actions if each.keys != usual[each.id]}


@runtime_checkable
class _Keyed(Protocol):
    actions: tuple[Action, ...]


def actions_of(app: App[Any]) -> tuple[Action, ...]:
    """Return the table with the keys of the person at the console."""
    return app.actions if isinstance(app, _Keyed) else ACTIONS


def why_nothing(key: str, place: Place, actions: Sequence[Action]) -> str:
    """Say that a key has no meaning in `place`, and where it has one; empty where it has.

    Args:
        key: Textual's name of it.
        place: Where it was pressed.
        actions: The table, with the user's own keys.
    """
    meant = [each for each in actions if key in each.keys]
    if any(place in each.reach for each in meant):
        return ""
    words = f"{shown_key(key)} does nothing {PLACES[place][0].lower()}{PLACES[place][1:]}"
    elsewhere = next((each for each in meant if each.where not in APART), None)
    if elsewhere is None:
        return f"{words}."
    short = elsewhere.description.partition(":")[0].partition(";")[0]
    return f"{words}. {PLACES[elsewhere.where]}: {short[0].lower()}{short[1:]}."
