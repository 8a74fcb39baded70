"""What was answered so far, kept until the inventory is written: a line that drops loses nothing that was typed."""

import dataclasses
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ppsconsole.inventory import private
from ppsconsole.inventory.answers import ASKS, Answers
from ppsconsole.inventory.places import state_home


def draft_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the draft is kept."""
    return state_home(environ) / "inventory-draft.json"


def keep(answers: Answers, path: Path) -> None:
    """Write the answers, whole or not at all, readable by nobody else; they hold references to secrets, never a secret.

    Raises:
        OSError: It cannot be written.
    """
    private.write(path, json.dumps(dataclasses.asdict(answers), indent=1), is_durable=True)


def kept(path: Path) -> Answers | None:
    """Return the answers of an earlier time; None where there are none, or nobody can read them any more.

    What would not be taken as an answer today is asked for again.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    answers = Answers()
    for ask in ASKS:
        value = told.get(ask.name) if isinstance(told, dict) else None
        words = " ".join(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else value
        if isinstance(words, str) and words and not ask.refused(words):
            answers = answers.having(ask.name, words)
    return None if answers == Answers() else answers


def drop(path: Path) -> None:
    """Remove the draft: the inventory is written."""
    with suppress(OSError):
        path.unlink()
