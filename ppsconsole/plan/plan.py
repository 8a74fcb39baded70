"""A plan: a runbook bound to the state of one cluster, listed whole before anything runs, frozen and hashed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ppsconsole.clock import duration
from ppsconsole.plan.loss import Loss
from ppsconsole.plan.preflight import Item
from ppsconsole.plan.step import Step


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes an instance itself: acts are bound to it and re-read it (law 7). Unknown parts are empty.

    Attributes:
        host_key: SHA256 fingerprint of its host.
        hostname: What the host calls itself.
        role: Observed when the plan was made: primary, standby or unknown.
        timeline: Likewise; 0 is unknown.
    """

    node: str
    host: str
    host_key: str
    hostname: str
    system_identifier: str
    data_directory: str
    role: str
    timeline: int


def kept_out_said(downtime_s: float | None, users: str = "") -> str:
    """Return who is kept out for how long: `users` where that is known, else the estimate for all of them."""
    return users or (f"users are kept out for about {duration(downtime_s)}" if downtime_s else "users are not kept out")


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run will do, before it does anything.

    Attributes:
        runbook: `switchover`, `failover`, `restart`, ...
        cluster: The cluster's name.
        node: The node acted on; empty where the runbook has none.
        to: The instance that becomes primary; empty likewise.
        made_at: Seconds since 1970 UTC; not part of the hash.
        identities: By node.
        loss: What is lost if it is run now.
        tolerances: Lag, positions and ages that were seen: listed beside the hash, re-checked where they matter.
        downtime_s: Estimate of how long users are kept out, in seconds.
        users: Who of them is, and until when, where it is not all of them for that long; empty where that says it.
        out_since: Since when they are out already, as far as anybody saw, seconds since 1970 UTC; None where that is not known,
            or they are not. Not part of the hash.
        out_words: By which look that is known.
    """

    runbook: str
    cluster: str
    node: str
    to: str
    made_at: float
    identities: tuple[Identity, ...]
    steps: tuple[Step, ...]
    preflight: tuple[Item, ...]
    loss: Loss
    tolerances: Mapping[str, str]
    downtime_s: float
    users: str = ""
    out_since: float | None = None
    out_words: str = ""

    @property
    def hash(self) -> str:
        """The first 16 hexadecimal digits of SHA-256 over runbook, identities, roles, timelines and masked commands."""
        bound = {
            "runbook": [self.runbook, self.cluster, self.node, self.to],
            "identities": [[getattr(each, name) for name in each.__slots__] for each in self.identities],
            "steps": [[step.id, step.verb, step.node, dict(step.arguments), list(step.commands)] for step in self.steps],
        }
        text = json.dumps(bound, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def blockers(self) -> tuple[Item, ...]:
        """The preflight items that keep it from running."""
        return tuple(item for item in self.preflight if item.is_blocked)

    def step(self, step_id: str) -> Step:
        """Return the step called `step_id`.

        Raises:
            KeyError: There is none.
        """
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def as_json(self) -> dict[str, Any]:
        """Return the plan for the journal, its copy on the hosts, and `plan --json`."""
        return {
            "runbook": self.runbook,
            "cluster": self.cluster,
            "node": self.node,
            "to": self.to,
            "made_at": self.made_at,
            "hash": self.hash,
            "identities": [{name: getattr(each, name) for name in each.__slots__} for each in self.identities],
            "steps": [step.as_json() for step in self.steps],
            "preflight": [item.as_json() for item in self.preflight],
            "loss": self.loss.as_json(),
            "tolerances": dict(self.tolerances),
            "downtime_s": self.downtime_s,
            "users": self.users,
            "out_since": self.out_since,
            "out_words": self.out_words,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Plan":
        """Return the plan that `as_json` made.

        Raises:
            ValueError: Its hash is not the one written beside it: the copy was altered or cut.
        """
        plan = cls(
            runbook=found["runbook"],
            cluster=found["cluster"],
            node=found["node"],
            to=found["to"],
            made_at=found["made_at"],
            identities=tuple(Identity(**each) for each in found["identities"]),
            steps=tuple(Step.from_json(each) for each in found["steps"]),
            preflight=tuple(Item.from_json(each) for each in found["preflight"]),
            loss=Loss.from_json(found["loss"]),
            tolerances=found["tolerances"],
            downtime_s=found["downtime_s"],
            users=found.get("users", ""),  # a journal from before it was written has none, nor what follows
            out_since=found.get("out_since"),
            out_words=found.get("out_words", ""),
        )
        if plan.hash != found["hash"]:
            raise ValueError(f"the plan's hash is {plan.hash}, written beside it stands {found['hash']}")
        return plan
