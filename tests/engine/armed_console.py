"""Run in a process of its own: a console that has an act stand ready on h1, says so, and waits to be killed.

python -m tests.engine.armed_console '{"folder": ..., "hosts": {NAME: [ADDRESS, PORT]}, "command": ...}'
"""

import asyncio
import json
import sys
from pathlib import Path

from tests.engine.hosts import Hosts
from tests.engine.test_guard import Bound


async def main(told: dict) -> None:
    folder = Path(told["folder"])
    hosts = Hosts(folder / "console")
    hosts.key_file, hosts.known_hosts = folder / "id", folder / "known_hosts"
    for name, (address, port) in told["hosts"].items():
        hosts.declare(name, address, port)
    made = Bound(hosts)
    await made.lease.take()
    await made.guard.arm("h1", told["command"], node="db1")
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    (Path(json.loads(sys.argv[1])["folder"]) / "console").mkdir()
    asyncio.run(main(json.loads(sys.argv[1])))
