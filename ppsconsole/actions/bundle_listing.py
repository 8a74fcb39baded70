"""Bundles as they are listed: how old each is, and whether anything speaks against it. Nothing is decrypted for that."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ppsconsole.actions.bundle_store import BundleStore, StoredBundle
from ppsconsole.clock import iso
from ppsconsole.cluster.bundles import ASIDE, doubts
from ppsconsole.cluster.judging import age
from ppsconsole.errors import DriverError
from ppsconsole.inventory.dependencies import Backup
from ppsconsole.inventory.model import Inventory


@dataclass(frozen=True, slots=True)
class ListedBundle:
    """One bundle, or what is left of one.

    Attributes:
        verdict: `ok`, `old` (the newest one is, by `oldest_s`), `incomplete` (something is not in it), `damaged`,
            `half-made`, `set-aside`.
        words: Why, where it is not ok.
        age_s: By the console's clock; never below 0.
    """

    stored: StoredBundle
    verdict: str
    words: str
    age_s: float

    def as_json(self) -> dict[str, Any]:
        """Return what `backup list --json` tells of it."""
        manifest = self.stored.manifest
        found: dict[str, Any] = {
            "name": self.stored.name.said(),
            "verdict": self.verdict,
            "words": self.words,
            "age_s": round(self.age_s, 1),
            "bytes": self.stored.size,
            "run": self.stored.name.run,
        }
        if manifest is None:
            return found
        database = {name: manifest.database.get(name, "") for name in ("name", "instance", "role", "server_version", "said")}
        keys = {"keys": list(manifest.keys), "settings": list(manifest.settings), "lacks": list(manifest.lacks)}
        told = {"made_at": iso(manifest.made_at), "pps_version": manifest.pps_version, "recipient": manifest.recipient}
        return found | told | {"database": database} | keys


@dataclass(frozen=True, slots=True)
class ListedPlace:
    """One place with what lies there, the newest first.

    Attributes:
        verdict: `ok`, `warn` (none, an old one, or a damaged one), `unknown` (it could not be looked at).
        words: Why, where it is not ok.
    """

    backup: Backup
    verdict: str
    words: str
    bundles: tuple[ListedBundle, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what `backup list --json` tells of it."""
        return {
            "name": self.backup.name,
            "host": self.backup.host,
            "path": self.backup.path,
            "keep": self.backup.keep,
            "verdict": self.verdict,
            "words": self.words,
            "bundles": [each.as_json() for each in self.bundles],
        }


async def listed_places(inventory: Inventory, ssh: Any, names: Iterable[str], now: float) -> tuple[ListedPlace, ...]:
    """Return what lies at the places called `names`; one that cannot be looked at is told as such."""

    async def look(name: str) -> ListedPlace:
        backup = inventory.backups[name]
        try:
            stored = await BundleStore(backup, inventory, ssh).bundles()
        except DriverError as error:
            return ListedPlace(backup, "unknown", str(error))
        return judged_place(backup, inventory.cluster.name, stored, now)

    return tuple(await asyncio.gather(*(look(name) for name in names)))


def judged_place(backup: Backup, cluster: str, stored: Iterable[StoredBundle], now: float) -> ListedPlace:
    """Return a place with its bundles, each with its verdict; `now` in seconds since 1970 UTC."""
    found = sorted(stored, key=lambda each: each.name.at, reverse=True)
    listed = tuple(_judged(each, cluster, now) for each in found)
    whole = [each for each in listed if each.verdict in ("ok", "incomplete")]
    if not whole:
        return ListedPlace(backup, "warn", "there is no whole bundle", listed)
    newest = whole[0]
    if newest.age_s >= backup.oldest_s:
        words = f"the newest is {age(newest.age_s)} old, and may be {age(backup.oldest_s)} at most"
        old = tuple(ListedBundle(each.stored, "old", words, each.age_s) if each is newest else each for each in listed)
        return ListedPlace(backup, "warn", words, old)
    damaged = [each.stored.name.said() for each in listed if each.verdict == "damaged"]
    if damaged:
        return ListedPlace(backup, "warn", f"{', '.join(damaged[:3])} cannot be used", listed)
    if newest.verdict == "incomplete":
        return ListedPlace(backup, "warn", f"the newest has not all: {newest.words}", listed)
    return ListedPlace(backup, "ok", f"the newest is {age(newest.age_s)} old", listed)


def _judged(stored: StoredBundle, cluster: str, now: float) -> ListedBundle:
    age_s = max(0.0, now - stored.name.at)
    if stored.name.prefix:
        is_aside = stored.name.prefix == ASIDE
        words = "older than those that are kept" if is_aside else "nobody finished it, or it is being written"
        return ListedBundle(stored, "set-aside" if is_aside else "half-made", words, age_s)
    trouble = "; ".join(
        [stored.trouble] if stored.trouble else doubts(stored.name, stored.manifest, cluster) if stored.manifest else ()
    )
    if trouble:
        return ListedBundle(stored, "damaged", trouble, age_s)
    assert stored.manifest is not None, "what has none has trouble"
    lacks = stored.manifest.lacks
    return ListedBundle(stored, "incomplete" if lacks else "ok", "; ".join(lacks), age_s)
