"""What goes into a bundle beside the database: connection settings and key files of the web nodes, read over SSH.

All of it is secret, or may be: it is kept in memory until it is encrypted, and told to nobody.
"""

import asyncio
import base64
import binascii
import io
import json
import re
import shlex
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ppsconsole.actions.bundle_read import INNER, KEPT_KEYS, TABLE_SUMS
from ppsconsole.errors import DriverError
from ppsconsole.inventory.model import Inventory, WebNode
from ppsconsole.masking import plain

_FILE_BYTES = 1 << 20
"""A key file is some lines; whatever is longer is no key file."""

_LOOK_S = 20.0
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Collected:
    """What was read of the web nodes.

    Attributes:
        files: By the path in the archive; secret.
        key_paths: Where each of the `keys/...` came from, as `WEB_NODE:PATH`.
        settings: Web nodes whose connection setting is in it.
        lacks: What could not be read, in words.
    """

    files: Mapping[str, bytes] = field(repr=False)
    key_paths: Mapping[str, str]
    settings: tuple[str, ...]
    lacks: tuple[str, ...]


async def collect(inventory: Inventory, web_nodes: tuple[WebNode, ...], ssh: Any) -> Collected:
    """Return keys and settings of `web_nodes`; what cannot be read is told and does not keep the rest from being kept."""
    files: dict[str, bytes] = {}
    paths: dict[str, str] = {}
    settings: list[str] = []
    lacks: list[str] = []
    parts = await asyncio.gather(*(_of_node(inventory, node, ssh) for node in web_nodes))
    for part in parts:
        files |= part.files
        paths |= part.key_paths
        settings += part.settings
        lacks += part.lacks
    if not any(node.key_files for node in web_nodes):
        lacks.append("no key file: no web node declares `key_files`")
    return Collected(files, paths, tuple(settings), tuple(lacks))


async def _of_node(inventory: Inventory, node: WebNode, ssh: Any) -> Collected:
    host = inventory.hosts[node.host]
    if host.platform != "linux":
        what = "connection setting and keys" if node.key_files else "connection setting"
        return Collected({}, {}, (), (f"{what} of {node.name}: {host.name} is a Windows host, which is not read yet",))
    files: dict[str, bytes] = {}
    paths: dict[str, str] = {}
    settings: list[str] = []
    lacks: list[str] = []
    try:
        for number, path in enumerate(node.key_files, 1):
            place = f"keys/{node.name}/{number}-{_UNSAFE.sub('_', path.rpartition('/')[2])}"
            file = shlex.quote(path)
            command = f'[ "$(wc -c <{file})" -le {_FILE_BYTES} ] && base64 <{file}'
            result = await ssh.run(host, command, timeout_s=_LOOK_S, limit_bytes=2 * _FILE_BYTES)
            text = _decoded(result.stdout) if result.exit_status == 0 else b""
            if text:
                files[place], paths[place] = text, f"{node.name}:{path}"
            else:
                why = plain(result.stderr, 120) or "it is empty, or too long for a key"
                lacks.append(f"key file {path} of {node.name}: {why}")
        if node.switch.method == "command" and node.switch.program is not None:
            result = await ssh.run(host, f"{shlex.quote(node.switch.program)} get", timeout_s=_LOOK_S)
            if result.exit_status == 0:
                files[f"settings/{node.name}.txt"] = result.stdout.encode()
                settings.append(node.name)
            else:
                lacks.append(f"connection setting of {node.name}: {plain(result.stderr, 120) or 'the program failed'}")
        else:
            method = f"switch method {node.switch.method}"
            way = "declare its `connection`" if node.name in inventory.alternates else method
            lacks.append(f"connection setting of {node.name}: no program can tell it ({way})")
    except DriverError as error:
        lacks.append(f"what {node.name} has: {plain(str(error), 160)}")
    return Collected(files, paths, tuple(settings), tuple(lacks))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=False)
    except binascii.Error:
        return b""


def packed(collected: Collected, inner: str, sums: str) -> bytes:
    """Return the archive of what was collected, with the manifest and the counts of the database; secret.

    Args:
        collected: Keys and settings.
        inner: The manifest as it is before there is anything to tell of this archive.
        sums: What the database holds, as JSON text.
    """
    files = {
        **collected.files,
        INNER: inner.encode(),
        TABLE_SUMS: sums.encode(),
        KEPT_KEYS: (json.dumps(dict(collected.key_paths), indent=1) + "\n").encode(),
    }
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as archive:
        for name, text in sorted(files.items()):
            about = tarfile.TarInfo(name)
            about.size, about.mode = len(text), 0o600
            archive.addfile(about, io.BytesIO(text))
    return found.getvalue()
