"""Private keys that are opened: once for all hosts that are logged in to at the same moment, again where it failed."""

import asyncio
import threading
from typing import Any

import pytest

from ppsconsole.drivers import ssh_keys
from ppsconsole.errors import LoginRefused
from ppsconsole.inventory.model import SshAccess

HOSTS = ("web1", "web2", "db1", "db2")


class Opening:
    """Stands in for the opening of a key, which is computing of a second; it lasts until all hosts wait for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.goes_on, self.asked, self.is_bad = threading.Event(), threading.Event(), [], False
        monkeypatch.setattr(ssh_keys, "_load", self)

    def __call__(self, key: str, certificate: str | None, passphrase: str | None, where: str) -> dict[str, Any]:
        self.asked.append(where)
        self.begun.set()
        assert self.goes_on.wait(60)
        if self.is_bad:
            raise LoginRefused("the key does not open", where=where, remedy="Check its passphrase")
        return {"client_keys": [key]}


async def all_at_once(credentials: ssh_keys.Credentials, opening: Opening) -> list[Any]:
    opening.goes_on.clear()
    waiting = [asyncio.ensure_future(credentials.options(SshAccess(key="k"), host)) for host in HOSTS]
    assert await asyncio.to_thread(opening.begun.wait, 60)  # all of them have asked by then
    opening.goes_on.set()
    return await asyncio.gather(*waiting, return_exceptions=True)


def test_a_key_is_opened_once_for_all_who_log_in_at_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    opening = Opening(monkeypatch)

    async def main() -> None:
        credentials = ssh_keys.Credentials()
        assert await all_at_once(credentials, opening) == [{"client_keys": ["k"]}] * 4
        assert await credentials.options(SshAccess(key="k"), "db3") == {"client_keys": ["k"]}
        assert len(opening.asked) == 1
        assert await credentials.options(SshAccess(key="other"), "db3") == {"client_keys": ["other"]}

    asyncio.run(main())


def test_a_failure_is_told_of_each_host_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    opening = Opening(monkeypatch)

    async def main() -> None:
        credentials, opening.is_bad = ssh_keys.Credentials(), True
        refused = await all_at_once(credentials, opening)
        assert [str(each) for each in refused] == [f"{host}: the key does not open. Check its passphrase" for host in HOSTS]
        opening.is_bad = False
        assert await credentials.options(SshAccess(key="k"), "web1") == {"client_keys": ["k"]}
        assert opening.asked == ["web1", "web1"]

    asyncio.run(main())


def test_who_gives_up_leaves_the_opening_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    opening = Opening(monkeypatch)

    async def main() -> None:
        credentials = ssh_keys.Credentials()
        first = asyncio.ensure_future(credentials.options(SshAccess(key="k"), "web1"))
        assert await asyncio.to_thread(opening.begun.wait, 60)
        first.cancel()
        second = asyncio.ensure_future(credentials.options(SshAccess(key="k"), "db1"))
        opening.goes_on.set()
        assert await second == {"client_keys": ["k"]}
        assert first.cancelled()
        assert opening.asked == ["web1"]

    asyncio.run(main())
