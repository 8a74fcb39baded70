"""Fresh facts for a plan: one look at everything, and what else has to be known before something is moved."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from ppsconsole.clock import Clock
from ppsconsole.cluster.snapshot import Snapshot
from ppsconsole.drivers.secrets import resolve
from ppsconsole.errors import SecretError
from ppsconsole.inventory.model import Inventory, SecretRef
from ppsconsole.probes.monitor import Monitor


async def look(inventory: Inventory, clock: Clock) -> Snapshot:
    """Look at everything once and return what was seen; what does not answer in time stays unknown."""
    return (await Monitor(inventory, clock).once(deadline_s(inventory))).snapshot


def deadline_s(inventory: Inventory) -> float:
    """Return how long one look at everything may take: connecting through a bastion, then the question itself."""
    longest = max([host.ssh.connect_timeout_s * (1 + len(host.via)) for host in inventory.hosts.values()], default=0.0)
    return longest + inventory.polling.timeout_s + 1.0


async def tried_secrets(inventory: Inventory) -> dict[str, str]:
    """Try every secret reference of the inventory, as only a look that is taken while the cluster is down can tell.

    Returns:
        By reference the empty string, or why it does not resolve; nothing of any value.
    """
    found: dict[str, str] = {}
    for reference in references(inventory):
        if str(reference) in found:
            continue
        try:
            await resolve(reference)
            found[str(reference)] = ""
        except SecretError as error:
            found[str(reference)] = error.what
    return found


def references(declared: Any) -> Iterator[SecretRef]:
    """Yield every secret reference in an inventory, or in a part of one."""
    if isinstance(declared, SecretRef):
        yield declared
    elif dataclasses.is_dataclass(declared) and not isinstance(declared, type):
        for each in dataclasses.fields(declared):
            yield from references(getattr(declared, each.name))
    elif isinstance(declared, dict):
        for value in declared.values():
            yield from references(value)
    elif isinstance(declared, (tuple, list)):
        for value in declared:
            yield from references(value)
