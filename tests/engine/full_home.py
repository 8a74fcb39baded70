"""Run in a mount namespace of its own: a host whose home is a small disk that is full, and consoles that want the lease there.

python -m tests.engine.full_home FOLDER
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from ppsconsole.clock import SystemClock
from ppsconsole.errors import Blocked
from tests.engine.full_disk import fill
from tests.engine.hosts import Hosts


def mount(home: Path) -> None:
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(home)], check=True)


async def main(folder: Path) -> None:
    async with Hosts(folder) as hosts:
        await hosts.open("h1", "h2")
        home = folder / "h2"
        lease = hosts.lease("aaaa", SystemClock())
        await lease.take()
        fill(home)
        assert await lease.release() == (), "to give it back takes no room"
        fill(home)
        try:
            await hosts.lease("bbbb", SystemClock()).take()
        except Blocked as error:
            print(error)
        assert hosts.lines() == {}
        print(sorted(path.name for path in hosts.file("h2", "epoch").parent.iterdir()))
        (home / "log").unlink()
        after = hosts.lease("bbbb", SystemClock())
        await after.take()
        fill(home)
        print(await after.leave())
        assert set(hosts.lines().values()) == {f"{after.epoch} bbbb left", f"{after.epoch} bbbb held"}


if __name__ == "__main__":
    mount(Path(sys.argv[1]) / "h2")
    asyncio.run(main(Path(sys.argv[1])))
