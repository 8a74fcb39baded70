"""Bundles: what a backup of the whole service is called, what its manifest tells, and what speaks against it. Pure values.

A bundle is one folder. Its members are encrypted in the age format (age-encryption.org/v1), which any `age` program opens on the
day that this console is gone; `SHA256SUMS` beside them is what `sha256sum -c` reads; `manifest.json` is in the clear and holds no
secret. A folder gets its final name only when it is whole.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from ppsconsole.clock import iso
from ppsconsole.cluster.told import told_json
from ppsconsole.values import dataclass

FORMAT = 1
DATABASE = "database.dump.age"
SETTINGS = "settings.tar.age"
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
PART = ".part-"
"""Begins the name of a bundle that is being written, or that nobody finished."""
ASIDE = ".aside-"
"""Begins the name of a bundle that retention set aside."""
OPENED_BY = (
    "sha256sum -c SHA256SUMS; age -d -i KEYFILE database.dump.age | pg_restore -d NEW_DATABASE; "
    "age -d -i KEYFILE settings.tar.age | tar x"
)
"""How a bundle is opened without this console; stands in every manifest."""

_NAME = re.compile(r"(?P<prefix>\.part-|\.aside-)?pps-(?P<at>\d{8}T\d{6}Z)-(?P<run>[0-9a-z]{4,32})\Z")


@dataclass(frozen=True, slots=True)
class BundleName:
    """What the name of a bundle's folder tells.

    Attributes:
        at: When it was begun, in seconds since 1970 UTC.
        run: Which run made it.
        prefix: `.part-`, `.aside-`, or empty where it counts as a backup.
    """

    at: float
    run: str
    prefix: str = ""

    def said(self) -> str:
        """Return the folder's name."""
        return f"{self.prefix}pps-{datetime.fromtimestamp(self.at, UTC):%Y%m%dT%H%M%SZ}-{self.run}"


def bundle_name(folder: str) -> BundleName | None:
    """Return what `folder`, a name without a path, tells; None where it is no bundle's."""
    found = _NAME.match(folder)
    if found is None:
        return None
    try:
        at = datetime.strptime(found["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return BundleName(at, found["run"], found["prefix"] or "")


@dataclass(frozen=True, slots=True)
class Member:
    """One encrypted file of a bundle.

    Attributes:
        size: Bytes as it lies there.
        sha256: Of these bytes, hexadecimal.
    """

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself, in the clear.

    Attributes:
        cluster: Name of the cluster.
        run: The run that made it.
        made_at: When its snapshot of the database was taken, by the server's clock, in seconds since 1970 UTC.
        pps_version: Of the web nodes at that time; empty where nobody could tell.
        database: `name`, `instance`, `role`, `system_identifier`, `server_version`, `encoding`, `collate`, `ctype`, `locale`,
            `provider`, `lsn`, `bytes` and, as words, `said`; all of them text.
        dumped_by: What `pg_dump --version` says.
        recipient: The public key that its members are encrypted for.
        members: By file name.
        sums_digest: SHA-256 over the counts and hashes of all tables, which lie in the settings.
        keys: Key files that are in it, as `WEB_NODE:PATH`.
        settings: Connection settings that are in it, by web node.
        lacks: What should be in it and is not, in words.
    """

    cluster: str
    run: str
    made_at: float
    pps_version: str
    database: Mapping[str, str]
    dumped_by: str
    recipient: str
    members: Mapping[str, Member] = field(default_factory=dict)
    sums_digest: str = ""
    keys: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(each.size for each in self.members.values())

    def as_json(self) -> dict[str, Any]:
        """Return what stands in the file."""
        members = {name: {"bytes": each.size, "sha256": each.sha256} for name, each in self.members.items()}
        plain = {name: getattr(self, name) for name in ("cluster", "run", "made_at", "pps_version", "dumped_by", "recipient")}
        lists = {name: list(getattr(self, name)) for name in ("keys", "settings", "lacks")}
        rest = {"database": dict(self.database), "members": members, "sums_digest": self.sums_digest}
        return {"format": FORMAT, **plain, **rest, **lists, "opened_by": OPENED_BY}

    def text(self) -> str:
        """Return the file."""
        return json.dumps(self.as_json(), indent=1, ensure_ascii=True) + "\n"

    @classmethod
    def from_text(cls, text: str) -> "Manifest":
        """Return the manifest that stands in the file.

        Raises:
            ValueError: It is none, or one of another format; says which.
        """
        try:
            found = told_json(text)
            if found["format"] != FORMAT:
                raise ValueError(f"format {found['format']!r}: this console reads format {FORMAT}")
            return cls(
                str(found["cluster"]),
                str(found["run"]),
                float(found["made_at"]),
                str(found["pps_version"]),
                {str(name): str(value) for name, value in found["database"].items()},
                str(found["dumped_by"]),
                str(found["recipient"]),
                {str(name): Member(int(each["bytes"]), str(each["sha256"])) for name, each in found["members"].items()},
                str(found["sums_digest"]),
                *(tuple(str(each) for each in found[name]) for name in ("keys", "settings", "lacks")),
            )
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"no manifest of a bundle: {type(error).__name__} {error}") from error


def doubts(name: BundleName, manifest: Manifest, cluster: str, pps_version: str = "") -> tuple[str, ...]:
    """Return what speaks against restoring a bundle, by its name and manifest alone; nothing where all is well.

    Args:
        name: Of its folder.
        manifest: As it stands there.
        cluster: The cluster that it is to be restored for.
        pps_version: What runs there; empty where that is not known, which is no doubt by itself.
    """
    found = []
    if manifest.run != name.run:
        found.append(f"the folder is named after run {name.run}, and its manifest is of run {manifest.run}")
    if abs(manifest.made_at - name.at) > 1.0:
        found.append(f"the folder is named after {iso(name.at)}, and its data are of {iso(manifest.made_at)}")
    if manifest.cluster != cluster:
        found.append(f"it is of cluster {manifest.cluster!r}, and this is {cluster!r}")
    if {DATABASE, SETTINGS} - set(manifest.members):
        found.append("its manifest names no " + " and no ".join(sorted({DATABASE, SETTINGS} - set(manifest.members))))
    if pps_version and manifest.pps_version and manifest.pps_version != pps_version:
        words = f"it was made by PPS {manifest.pps_version}, and {pps_version} runs here"
        found.append(f"{words}: a database goes only with the version that made it")
    return tuple(found)


def sums_text(listed: Mapping[str, Member], manifest: str) -> str:
    """Return `SHA256SUMS`: one line for each member, and one for the manifest.

    Args:
        listed: The members.
        manifest: SHA-256 of the manifest's bytes, hexadecimal.
    """
    lines = {**{name: each.sha256 for name, each in listed.items()}, MANIFEST: manifest}
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(lines.items()))


def kept(names: list[BundleName], keep: int) -> tuple[tuple[BundleName, ...], tuple[BundleName, ...]]:
    """Return the newest `keep` finished bundles and those beyond them, each the newest first."""
    finished = sorted((each for each in names if not each.prefix), key=lambda each: each.at, reverse=True)
    return tuple(finished[:keep]), tuple(finished[keep:])
