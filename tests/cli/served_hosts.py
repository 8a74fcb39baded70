"""Two SSH hosts in a process of their own, so that they outlive the consoles that use them, until its standard input ends.

python -m tests.cli.served_hosts FOLDER
"""

import asyncio
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engine.hosts import DEADLINE_S, Hosts
from tests.lab.conftest import wait_for

INVENTORY = "inventory.pickle"
"""Where they are and how they are logged in to."""


@contextmanager
def served_hosts(folder: Path) -> Iterator[None]:
    """Have the hosts h1 and h2, in a session of their own: what happens to a console's terminal is nothing to them."""
    words = [sys.executable, "-m", "tests.cli.served_hosts", str(folder)]
    root = Path(__file__).parent.parent.parent
    process = subprocess.Popen(words, stdin=subprocess.PIPE, cwd=root, start_new_session=True)
    try:
        wait_for(lambda: (folder / INVENTORY).exists() or process.poll() is not None, "the hosts", DEADLINE_S)
        assert process.poll() is None
        yield
        process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
        process.communicate()


async def serve(folder: Path) -> None:
    """Be the hosts until nobody needs them any more."""
    async with Hosts(folder) as hosts:
        await hosts.open("h1", "h2")
        (folder / "new").write_bytes(pickle.dumps(hosts.inventory()))
        (folder / "new").rename(folder / INVENTORY)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
