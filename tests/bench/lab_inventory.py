"""The inventory of a lab that is not up: as `ppsconsole lab up` writes it, with no server behind it.

`python -m tests.bench.lab_inventory FOLDER` prints it: a benchmark that loaded all this itself would hand its own size down to
what it measures.
"""

import asyncio
import sys
from pathlib import Path

from ppsconsole.lab.fabric import Fabric, Road
from ppsconsole.lab.inventory_file import inventory_text
from ppsconsole.lab.layout import layout_of
from ppsconsole.lab.network import claim_network
from ppsconsole.lab.programs import Postgres


def lab_inventory(folder: Path) -> str:
    """Return the inventory that a lab in `folder` would have; nobody answers at its addresses, and nothing is made there."""
    return asyncio.run(_written(folder))


async def _written(folder: Path) -> str:
    network, claim = claim_network()
    with claim:
        layout, fabric = layout_of("default", network, folder / "hosts"), Fabric()
        for plan in layout.roads:
            host = layout.hosts[plan.destination]
            target = (host.address, host.ports[plan.service])
            road = Road(
                plan.origin,
                plan.destination,
                plan.service,
                source=layout.address(plan.origin),
                target=target,
                preferred=plan.preferred,
            )
            fabric.roads.append(road)
        try:
            return inventory_text(layout, fabric, folder, Postgres(folder / "bin", "18.0", 18))
        finally:
            fabric.close()


if __name__ == "__main__":
    sys.stdout.write(lab_inventory(Path(sys.argv[1])))
