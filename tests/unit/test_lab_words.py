"""The lab's own words: what was healed and what was not, and where `lab` puts what it starts."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner

from ppsconsole.cli import lab as commands
from ppsconsole.errors import LabError, UsageError
from ppsconsole.lab import faults
from ppsconsole.lab.faults import Fault, Wrecker
from ppsconsole.lab.order import Order


class Server:
    """A service that starts when it is told to."""

    name, state = "db", "failed"

    def __init__(self, host: str, *, is_enabled: bool = True) -> None:
        self.host, self.is_enabled = host, is_enabled
        self.pid: int | None = None

    async def start(self) -> None:
        self.pid = 1


class Login:
    async def start(self) -> None: ...


class Well:
    """Finds nothing ill."""

    async def complaint(self, _node: Any) -> str:
        return ""


class Ground:
    """A lab of two databases, as far as healing asks for it."""

    def __init__(self) -> None:
        self.nodes = {name: SimpleNamespace(name=name, unit=name, host=name, kind="database") for name in ("db1", "db2")}
        self.hosts = {name: name for name in self.nodes}
        self.roads: tuple[Any, ...] = ()

    def members(self, name: str) -> tuple[Any, ...]:
        return (self.nodes[name],)

    def of_kind(self, _kind: str) -> tuple[Any, ...]:
        return tuple(self.nodes.values())

    def serve(self, *_: Any) -> None: ...


def healed(monkeypatch: pytest.MonkeyPatch, kind: str, *, claims: str, is_enabled: bool = True) -> tuple[list[str], str]:
    """Return what was told while a broken db1 was healed, and how that ended; `claims` are the hosts that were primaries."""
    ground, told = cast(Any, Ground()), list[str]()
    monkeypatch.setattr(faults, "claims_primary", lambda host: host in claims.split())
    services = cast(Any, {"db1": Server("db1", is_enabled=is_enabled)})
    logins = cast(Any, {"db1": Login()})
    wrecker = Wrecker(ground, ground, services, logins, cast(Any, Well()), "lab", [Fault("db1", kind, "all", 1.0)])
    try:
        return told, asyncio.run(wrecker.heal("db1", told.append))
    except LabError as error:
        return told, error.what


@pytest.mark.parametrize("kind", ["kill", "stop"])
def test_what_was_ended_is_undone_once_it_runs_again(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    told, ended = healed(monkeypatch, kind, claims="db1")
    assert (told, ended) == (["db1: starting db", f"db1: {kind} undone"], "healed: db1")


@pytest.mark.parametrize("kind", ["kill", "stop"])
def test_what_stays_down_is_not_told_to_be_undone(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    told, ended = healed(monkeypatch, kind, claims="db1 db2")
    assert (told, ended) == ([], "db1: stays down: it would come back as a second primary beside db2")
    told, ended = healed(monkeypatch, kind, claims="db1", is_enabled=False)
    assert (told, ended) == ([], "db1: db is disabled and stays stopped")


def test_a_cut_is_undone_whatever_becomes_of_the_server_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told, ended = healed(monkeypatch, "disconnect", claims="db1 db2")
    assert (told, ended) == (["db1: disconnect undone"], "db1: stays down: it would come back as a second primary beside db2")


def test_a_lab_and_its_console_are_put_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    orders: list[Order] = []

    def launch(order: Order, _progress: Any) -> Any:
        orders.append(order)
        raise LabError("enough", where="lab")

    monkeypatch.setattr(commands, "launch", launch)
    for arguments in (("--dir", str(tmp_path / "mine"), "--profile", "alternate"), ()):
        assert isinstance(CliRunner().invoke(commands.lab, arguments).exception, LabError)
    assert orders[0] == Order(str(tmp_path / "mine"), "alternate", is_leashed=True)
    assert orders[1].folder != orders[0].folder


def test_a_folder_that_is_named_before_the_command_is_not_passed_over_in_silence() -> None:
    told = CliRunner().invoke(commands.lab, ("--dir", "/srv/lab", "status")).exception
    assert isinstance(told, UsageError)
    assert str(told.remedy) == "ppsconsole lab status ... --dir /srv/lab"
