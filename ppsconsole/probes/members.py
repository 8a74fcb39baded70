"""Which web nodes does the balancer send users to, by its configuration?"""

import hashlib
from functools import partial

from ppsconsole.cluster.facts import node_subject
from ppsconsole.cluster.snapshot import Member
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.nginx import dump_command, parse_upstreams
from ppsconsole.errors import BadAnswer
from ppsconsole.inventory.model import Balancer
from ppsconsole.probes.host import Part

NAMES = ("members", "config_digest")


def members_part(balancer: Balancer, every_s: float) -> Part | None:
    """Return the question for the upstream's members; None for balancers that are not probed yet."""
    if balancer.kind != "nginx" or balancer.upstream is None:
        return None
    return Part(
        f"members.{balancer.name}", node_subject(balancer.name), NAMES, dump_command(balancer), every_s, partial(_parse, balancer)
    )


def _parse(balancer: Balancer, result: CommandResult) -> dict[str, object]:
    if result.exit_status != 0:
        raise ValueError("nginx does not accept its configuration")
    try:
        upstreams = parse_upstreams(result.stdout)
    except BadAnswer as error:
        raise ValueError(str(error)) from error
    lines = upstreams.get(balancer.upstream or "")
    if lines is None:
        raise ValueError(f"the configuration has no upstream called {balancer.upstream}")
    members = tuple(
        Member(line.address, "down" if line.is_down else "backup" if line.is_backup else "up", balancer.members.get(line.address))
        for line in lines
    )
    return {"members": members, "config_digest": hashlib.sha256(result.stdout.encode()).hexdigest()}
