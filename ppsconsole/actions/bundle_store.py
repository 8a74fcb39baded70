"""A place for bundles: what is in it, and the commands that write, check, name and set aside. The same on a host and here."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ppsconsole.actions.base import Guarded
from ppsconsole.cluster.bundles import ASIDE, MANIFEST, PART, SUMS, BundleName, Manifest, bundle_name
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.local import HERE
from ppsconsole.drivers.pipes import Pipe, pipe_here
from ppsconsole.errors import BadAnswer, OutputTooLong, RunError
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.model import Inventory
from ppsconsole.masking import plain

LOOK_S = 30.0
CHECK_S = 4 * 3600.0
"""A checksum of much data on a slow disk takes its time."""

_LISTING_BYTES = 8 << 20
_MARK = "@@bundle"
_FILE = "@@file"
_NO_FOLDER = 66
_FULL = re.compile(r"no space left|disk quota exceeded|file too large|not enough space", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """One folder of a place, as it lies there.

    Attributes:
        name: What its name tells.
        size: Bytes of its files.
        files: Sizes by name.
        manifest: None where there is none that can be read.
        trouble: Why it cannot be, or what is not as the manifest says; empty when all is as it should be, by names and sizes.
    """

    name: BundleName
    size: int
    files: Mapping[str, int] = field(default_factory=dict)
    manifest: Manifest | None = None
    trouble: str = ""


class BundleStore:
    """One place for bundles.

    Args:
        backup: The place, as declared.
        inventory: Knows its host.
        ssh: `drivers.ssh.SshPool`.
    """

    def __init__(self, backup: Backup, inventory: Inventory, ssh: Any) -> None:
        self.backup, self._ssh = backup, ssh
        self._host = inventory.hosts[backup.host] if backup.host is not None else None

    @property
    def where(self) -> str:
        """The host, or what the console's own machine is called."""
        return HERE if self._host is None else self._host.name

    async def look(self, command: str, *, timeout_s: float = LOOK_S) -> CommandResult:
        """Run a command there that changes nothing.

        Raises:
            DriverError: It could not be asked.
        """
        if self._host is not None:
            found: CommandResult = await self._ssh.run(self._host, command, timeout_s=timeout_s, limit_bytes=_LISTING_BYTES)
            return found
        pipe, text = await pipe_here(command), bytearray()
        try:
            while piece := await pipe.read():
                text += piece
                if len(text) > _LISTING_BYTES:
                    raise OutputTooLong(f"more than {_LISTING_BYTES} bytes", where=HERE)
            ended = await pipe.end(timeout_s)
        finally:
            await pipe.cut()
        return CommandResult(ended.exit_status, text.decode("utf-8", "replace"), ended.stderr, ended.duration_s)

    async def act(self, hosts: Guarded, command: str, *, timeout_s: float = LOOK_S) -> None:
        """Run a command there that changes something, bound to the run's lease.

        Raises:
            RunError: It failed; says why, and what to do where the disk is full.
            DriverError: As `Guarded.act`.
            WorldMoved: As `Guarded.act`.
        """
        if self._host is not None:
            result = await hosts.act(self._host.name, command, timeout_s=timeout_s)
        else:
            result = await hosts.act_here(["/bin/sh", "-c", command], timeout_s=timeout_s)
        if result.exit_status != 0:
            raise failed(f"{self.backup.path}: it was not done", result, self.where)

    async def pipe(self, command: str) -> Pipe:
        """Start a command there with open ends.

        Raises:
            DriverError: It could not be started.
        """
        if self._host is None:
            return await pipe_here(command)
        pipe: Pipe = await self._ssh.pipe(self._host, command)
        return pipe

    async def bundles(self) -> tuple[StoredBundle, ...]:
        """Return what lies there, finished or not, the newest first.

        Raises:
            BadAnswer: There is no such folder, or it may not be looked into.
            DriverError: It could not be asked.
        """
        result = await self.look(listing_command(self.backup.path), timeout_s=LOOK_S)
        if result.exit_status == _NO_FOLDER:
            raise BadAnswer(
                f"{self.backup.path} is no folder that can be looked into",
                where=self.where,
                remedy="Make it, or see that what belongs there is mounted; it is not made by a backup",
            )
        if result.exit_status != 0:
            raise BadAnswer(f"{self.backup.path} cannot be listed: {plain(result.stderr)}", where=self.where)
        return tuple(sorted(parse_listing(result.stdout), key=lambda each: each.name.at, reverse=True))

    async def find(self, name: str = "") -> StoredBundle:
        """Return the finished bundle called `name`, or the newest one.

        Raises:
            BadAnswer: There is none.
            DriverError: It could not be asked.
        """
        found = [each for each in await self.bundles() if not each.name.prefix]
        wanted = [each for each in found if name in ("", each.name.said())]
        if not wanted:
            what = f"there is no bundle called {name!r}" if name else "there is no bundle"
            remedy = f"Make one: ppsconsole run backup {self.backup.name}" if not name else "See `ppsconsole backup list`"
            raise BadAnswer(f"{what} in {self.backup.path}", where=self.where, remedy=remedy)
        return wanted[0]


def failed(what: str, result: CommandResult, where: str) -> RunError:
    """Return the error for a command that failed, with its own words, and a remedy where a disk is full."""
    words = plain(result.stderr, 300) or f"status {result.exit_status}"
    remedy = "Make room there, or see `ppsconsole backup prune`" if _FULL.search(result.stderr) else ""
    return RunError(f"{what}: {words}", where=where, remedy=remedy)


def listing_command(path: str) -> str:
    """Return the command that tells of each bundle below `path`; `parse_listing` reads its answer."""
    return (
        f"cd {shlex.quote(path)} 2>/dev/null && [ -r . ] || exit {_NO_FOLDER}; "
        f'for d in pps-*/ {PART}pps-*/ {ASIDE}pps-*/; do d=${{d%/}}; [ -d "$d" ] && [ ! -L "$d" ] || continue; '
        f'echo "{_MARK} $d"; (cd "$d" && for f in *; do [ ! -f "$f" ] || stat -c \'{_FILE} %s %n\' -- "$f"; done; '
        f"[ ! -r {MANIFEST} ] || head -c 65536 {MANIFEST}); echo; done; :"
    )


def parse_listing(text: str) -> list[StoredBundle]:
    """Return the bundles that the answer to `listing_command` tells of."""
    found = []
    for part in f"\n{text}".split(f"\n{_MARK} ")[1:]:
        folder, _, rest = part.partition("\n")
        name = bundle_name(folder.strip())
        if name is None:
            continue
        files, lines = {}, []
        for line in rest.splitlines():
            words = line.split(" ", 2)
            if words[0] == _FILE and len(words) == 3 and words[1].isdigit():
                files[plain(words[2], 80)] = int(words[1])
            else:
                lines.append(line)
        found.append(_stored(name, files, "\n".join(lines).strip()))
    return found


def _stored(name: BundleName, files: Mapping[str, int], text: str) -> StoredBundle:
    size = sum(files.values())
    if not text:
        return StoredBundle(name, size, files, trouble=f"it has no {MANIFEST}")
    try:
        manifest = Manifest.from_text(text)
    except ValueError as error:
        return StoredBundle(name, size, files, trouble=plain(str(error), 160))
    missing = [each for each in (*manifest.members, SUMS) if each not in files]
    unlike = [each for each, member in manifest.members.items() if each in files and files[each] != member.size]
    trouble = "; ".join(
        [f"{each} is missing" for each in missing]
        + [f"{each} has {files[each]} bytes and not {manifest.members[each].size}" for each in unlike]
    )
    return StoredBundle(name, size, files, manifest, trouble)


def begin_command(path: str, folder: str) -> str:
    """Return the command that makes the hidden folder; the place itself has to be there, it may be a disk that is not mounted."""
    return f"umask 077; cd {shlex.quote(path)} && mkdir {shlex.quote(PART + folder)}"


def write_command(path: str, folder: str, file: str) -> str:
    """Return the command that takes a file by its standard input, and has it on the disk when it ends well."""
    name = shlex.quote(file)
    part = shlex.quote(f"{path}/{PART}{folder}")
    return f"umask 077; cd {part} && cat >{name} && {{ sync {name} 2>/dev/null || sync; }}"


def finish_command(path: str, folder: str) -> str:
    """Return the command that reads everything back, and only then gives the folder its name."""
    part, final = shlex.quote(PART + folder), shlex.quote(folder)
    return (
        f"cd {shlex.quote(path)}/{part} && {{ sync . 2>/dev/null || sync; }} && {check_command('.')} && cd .. && "
        f"{{ [ ! -e {final} ] || {{ echo 'it is there already' >&2; exit 65; }}; }} && mv {part} {final} && sync"
    )


def check_command(folder: str) -> str:
    """Return the command that reads a bundle whole and compares it with its checksums."""
    return f"(cd {shlex.quote(folder)} && LC_ALL=C sha256sum -c --strict --quiet {SUMS} 2>&1) >&2"


def drop_part_command(path: str, folder: str) -> str:
    """Return the command that takes away what an act of this run itself has left unfinished, by its exact name."""
    part = shlex.quote(f"{path}/{PART}{folder}")
    return f"rm -f -- {part}/*.age {part}/{MANIFEST} {part}/{SUMS}; [ ! -d {part} ] || rmdir {part}"


def aside_command(path: str, folders: tuple[str, ...]) -> str:
    """Return the command that sets bundles aside by another name: nothing is deleted by a run."""
    moves = " && ".join(f"mv -T {shlex.quote(each)} {shlex.quote(ASIDE + each)}" for each in folders)
    return f"cd {shlex.quote(path)} && {moves}"
