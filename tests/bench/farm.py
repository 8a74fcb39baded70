"""Many SSH servers in one process, on 127.x addresses, that say `ok` to every command: something to connect to, nothing more.

`python -m tests.bench.farm FOLDER N` writes a key that may log in (`id`), `known_hosts` and `farm.json` (each name with its
address and port, `bastion` among them) into FOLDER, prints `ready`, and ends when its standard input does.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path

import asyncssh

BASTION = "bastion"


class _Login(asyncssh.SSHServer):
    """Lets through whatever asks to be forwarded."""

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True


async def _answer(process: "asyncssh.SSHServerProcess[str]") -> None:
    process.stdout.write("ok\n")
    process.exit(0)


async def _serve(folder: Path, count: int) -> None:
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    client_key.write_private_key(str(folder / "id"))
    authorized = asyncssh.import_authorized_keys(client_key.export_public_key().decode())
    places: dict[str, tuple[str, int]] = {}
    for number in range(count + 1):
        address = f"127.61.{number // 250}.{number % 250 + 1}"
        server = await asyncssh.create_server(
            _Login,
            address,
            0,
            server_host_keys=[host_key],
            authorized_client_keys=authorized,
            process_factory=_answer,
            login_timeout=120,
            backlog=512,
        )
        places[f"h{number}" if number < count else BASTION] = (address, server.get_port())
    public = host_key.export_public_key().decode()
    (folder / "known_hosts").write_text("".join(f"[{address}]:{port} {public}" for address, port in places.values()))
    (folder / "farm.json").write_text(json.dumps(places))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # contenders leave in whatever way is the quickest
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
