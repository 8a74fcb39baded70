"""Which web nodes does the balancer send users to, by its configuration, and would it read that again?"""

import hashlib
import re
from functools import partial
from typing import Literal

from ppsconsole.cluster.facts import node_subject
from ppsconsole.cluster.snapshot import Member
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.nginx import ACCEPTED, ServerLine, dump_command, parse_upstreams, refusal
from ppsconsole.errors import BadAnswer
from ppsconsole.inventory.model import Balancer
from ppsconsole.probes.host import Part

NAMES = ("configuration", "members", "config_digest")


def members_part(balancer: Balancer, every_s: float) -> Part | None:
    """Return the question for the upstream's members; None for balancers that are not probed yet."""
    if balancer.kind != "nginx" or balancer.upstream is None:
        return None
    return Part(
        f"members.{balancer.name}", node_subject(balancer.name), NAMES, dump_command(balancer), every_s, partial(_parse, balancer)
    )


def _member(balancer: Balancer, line: ServerLine, *, is_alone: bool) -> Member:
    """Return one member; nginx goes on asking a server that is alone in its upstream, whatever its parameters say."""
    state: Literal["up", "backup", "down"] = "down" if line.is_down else "backup" if line.is_backup else "up"
    given = dict(each.split("=", 1) for each in line.parameters if "=" in each)
    failures, shunned_s = int(given.get("max_fails", 1)), _seconds(given.get("fail_timeout", "10s"))
    if is_alone or failures == 0 or shunned_s == 0.0:
        failures, shunned_s = 0, 0.0
    return Member(line.address, state, balancer.members.get(line.address), shunned_s, failures)


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


def _seconds(text: str) -> float:
    """Return a time as nginx writes it, `10`, `30s`, `1m30s`, in seconds.

    Raises:
        ValueError: It is none.
    """
    parts = re.findall(r"(\d+)(ms|s|m|h|d|)", text)
    if "".join(number + unit for number, unit in parts) != text or not parts:
        raise ValueError(f"no time of nginx: {text[:20]}")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def _parse(balancer: Balancer, result: CommandResult) -> dict[str, object]:
    if result.exit_status != 0:
        state, said = refusal(result.stderr)
        if not state:
            raise ValueError("nginx does not print its configuration")
        return {"configuration": state, "detail": f"nginx -T: {said}"}
    found: dict[str, object] = {"configuration": ACCEPTED, "config_digest": hashlib.sha256(result.stdout.encode()).hexdigest()}
    try:
        lines = parse_upstreams(result.stdout).get(balancer.upstream or "")
    except BadAnswer as error:
        return {**found, "detail": str(error)}
    if lines is None:
        return {**found, "detail": f"the configuration has no upstream called {balancer.upstream}"}
    return {**found, "members": tuple(_member(balancer, line, is_alone=len(lines) == 1) for line in lines)}
