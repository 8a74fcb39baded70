"""The bindings that Textual wants, made from the table of actions; the keys a person set are laid over them."""

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from textual.app import App
from textual.binding import Binding, BindingType

from ppsconsole.settings.actions import ACTIONS, Action, Place


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
