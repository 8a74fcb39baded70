"""Plans that were shown: kept for a while, so that a run of one of them can say what has moved since."""

import json
from contextlib import suppress
from pathlib import Path

from ppsconsole.inventory import private
from ppsconsole.inventory.places import state_home
from ppsconsole.plan.plan import Identity, Plan

KEPT = 30

_IDENTITY_WORDS = {
    "role": "role",
    "timeline": "timeline",
    "host_key": "host key",
    "hostname": "host name",
    "system_identifier": "system identifier",
    "data_directory": "data directory",
    "host": "host",
}


def remember(plan: Plan, folder: Path | None = None) -> None:
    """Keep `plan` by its hash; the oldest beyond `KEPT` go. A disk that refuses costs only the words of `moved`."""
    place = folder or _place()
    path = place / f"{plan.hash}.json"
    with suppress(OSError):
        private.write(path, json.dumps(plan.as_json()))
        old = sorted(place.glob("*.json"), key=lambda each: each.stat().st_mtime, reverse=True)[KEPT:]
        for each in old:
            each.unlink(missing_ok=True)


def recall(plan_hash: str, folder: Path | None = None) -> Plan | None:
    """Return the plan that was shown with this hash, None when it was not shown here or is gone."""
    if not plan_hash.isalnum():
        return None
    try:
        return Plan.from_json(json.loads(((folder or _place()) / f"{plan_hash}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def moved(before: Plan, now: Plan) -> tuple[str, ...]:
    """Return what is different between two plans of different hashes, the most telling first; at least one sentence."""
    found: list[str] = []
    for name, word in (("cluster", "cluster"), ("runbook", "runbook"), ("node", "node acted on"), ("to", "new primary")):
        was, new = getattr(before, name), getattr(now, name)
        if was != new:
            found.append(f"the {word} was {was or 'none'}, now it is {new or 'none'}")
    known = {each.node: each for each in before.identities}
    for each in now.identities:
        if each.node not in known:
            found.append(f"{each.node} takes part now, and did not")
        else:
            found += _differing(known[each.node], each)
    gone = set(known) - {each.node for each in now.identities}
    found += [f"{node} takes part no more" for node in sorted(gone)]
    return (*found, *_steps(before, now)) or ("its steps are not the same",)


def _differing(before: Identity, now: Identity) -> list[str]:
    words = []
    for name, word in _IDENTITY_WORDS.items():
        was, new = getattr(before, name), getattr(now, name)
        if was != new:
            words.append(f"the {word} of {now.node} was {was or 'unknown'}, now it is {new or 'unknown'}")
    return words


def _steps(before: Plan, now: Plan) -> list[str]:
    was, new = {step.id: step for step in before.steps}, {step.id: step for step in now.steps}
    words = [f"step {name} is new" for name in new if name not in was]
    words += [f"step {name} is not needed any more" for name in was if name not in new]
    words += [f"step {name} sends other commands" for name in new if name in was and _sent(was[name]) != _sent(new[name])]
    return words or (["the order of the steps is another"] if list(was) != list(new) else [])


def _sent(step: object) -> tuple[object, ...]:
    return tuple(getattr(step, name) for name in ("commands", "arguments", "verb", "node"))


def _place() -> Path:
    return state_home() / "plans"
