"""Holds a lab: puts it together, keeps it running, takes it away."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from ppsconsole.clock import iso
from ppsconsole.errors import LabError, PpsConsoleError
from ppsconsole.lab.account import service_account
from ppsconsole.lab.children import NO_SPACE
from ppsconsole.lab.cluster import LabCluster, Materials
from ppsconsole.lab.control import ControlServer
from ppsconsole.lab.fabric import Weather
from ppsconsole.lab.layout import layout_of
from ppsconsole.lab.network import claim_network
from ppsconsole.lab.order import Order
from ppsconsole.lab.processes import end_tree, identify
from ppsconsole.lab.registry import register, registry_folder
from ppsconsole.lab.remains import remove_files
from ppsconsole.lab.state import ELSEWHERE, INVENTORY_FILE, LOG_FILE, STATE_FILE, LabState, new_folder, new_id

MADE = [
    STATE_FILE,
    LOG_FILE,
    INVENTORY_FILE,
    "hosts",
    "ssh_key",
    "known_hosts",
    "ca.pem",
    "database.password",
    "admin.password",
    "backup.key",
]
_FULL_BYTES = 1024 * 1024


def supervise(order: Order) -> int:
    """Run the lab until it is told to end; return 0 when it was up, 1 when it could not be put together."""
    # Folders that the service account must enter are made with these modes in mind; what is private says so itself.
    os.umask(0o022)
    return asyncio.run(Supervisor(order).run())


class Supervisor:
    """One lab from its first file to its last."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._ended = asyncio.Event()
        self._state: LabState | None = None
        self._cluster: LabCluster | None = None
        self._control: ControlServer | None = None

    async def run(self) -> int:
        """Live a lab's life; return the exit code."""
        self._listen_for_the_end()
        building = asyncio.create_task(self._build())
        waiting = asyncio.create_task(self._ended.wait())
        code = 1
        try:
            await asyncio.wait([building, waiting], return_when=asyncio.FIRST_COMPLETED)
            if building.done():
                building.result()
                code = 0
                self._report({"ready": str(self._order.path / INVENTORY_FILE)})
                await waiting
            else:
                self._report({"failed": "told to end while it started"})
        except* PpsConsoleError as errors:
            self._report({"failed": self.reason(errors)})
        except* Exception as error:
            # A mistake of ours: the traceback is in the log, which goes with the lab, so its last line is told.
            self._report({"failed": self.reason(error)})
            traceback.print_exception(error)
        finally:
            building.cancel()
            waiting.cancel()
            await asyncio.gather(building, waiting, return_exceptions=True)
            await self._take_away()
        return code

    async def _build(self) -> None:
        began = time.monotonic()
        account = service_account()
        state = self._move_in()
        network, claim = claim_network()
        homes = state.folder / "hosts"
        if account.can_enter(state.folder):
            homes.mkdir(mode=0o711)
        else:
            # The service account cannot reach this folder (it is below /root, say): the hosts live elsewhere.
            # Written down before it is made: killed in between, the lab must leave nothing that nobody knows of.
            elsewhere = new_folder(ELSEWHERE)
            state.elsewhere = str(elsewhere)
            state.write()
            elsewhere.mkdir(mode=0o711)
            homes.symlink_to(elsewhere)
            homes = elsewhere
        self._control = ControlServer(claim, self._answer)
        state.control = {"address": f"{network}.0.1", "port": self._control.port, "token": self._control.token}
        state.write()
        layout = layout_of(self._order.profile, network, homes)
        materials = Materials(state, layout, account, self._order.postgres, self._progress)
        self._cluster = LabCluster(materials)
        await self._cluster.build()
        await self._cluster.fill(self._order.rows)
        state.facts = {"profile": self._order.profile, **self._cluster.facts()}
        state.phase = "up"
        state.write()
        await self._control.start()
        self._progress(f"up after {time.monotonic() - began:.1f}s")

    def _move_in(self) -> LabState:
        """Take the folder, and say so in the list: lab.json appears in it whole, and only if no other lab was faster."""
        folder = self._order.path
        missing = 0
        while not (folder, *folder.parents)[missing].exists():
            missing += 1
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise LabError(f"could not be made: {error.strerror}", where=str(folder)) from error
        state = LabState(new_id(), folder, missing > 0, list(MADE), parents_made=max(0, missing - 1))
        state.keeper, state.supervisor = identify(os.getppid()), identify(os.getpid())
        try:
            os.close(os.open(folder / STATE_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            self._state = state
            if state.is_folder_made:
                folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
            state.write()
            unlisted = register(state)
            log = os.open(folder / LOG_FILE, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        except FileExistsError:
            raise LabError("another lab has just begun there", where=str(folder)) from None
        except OSError as error:
            raise LabError(f"cannot be written to: {error.strerror}", where=str(folder)) from error
        sys.stderr.flush()
        os.dup2(log, 2)
        os.close(log)
        if unlisted:
            self._progress(
                f"this lab cannot be listed in {registry_folder()} ({unlisted}): name it in every command: --dir {folder}"
            )
        return state

    def _listen_for_the_end(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._ended.set)
        if self._order.is_leashed:
            loop.add_reader(0, self._ended.set)
        # The reaper blocked these around its fork.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))

    async def _take_away(self) -> None:
        if self._order.is_leashed:
            asyncio.get_running_loop().remove_reader(0)
        state = self._state
        if state is not None:
            state.phase = "ending"
            with contextlib.suppress(OSError):
                state.write()
        if self._control is not None:
            self._control.close()
        if self._cluster is not None:
            await self._cluster.end()
        end_tree(os.getpid())
        if state is not None:
            remove_files(state)

    async def _answer(self, request: dict[str, Any], progress: Any) -> dict[str, Any]:
        assert self._cluster is not None
        match request.get("verb"):
            case "status":
                return await self._cluster.status()
            case "fault":
                words = await self._cluster.wrecker.fault(
                    str(request["node"]),
                    str(request["kind"]),
                    str(request.get("link", "all")),
                    str(request.get("lost", "both")),
                    Weather(*(float(request.get(each, 0.0)) for each in ("delay_s", "bytes_per_s", "loss"))),
                    progress,
                )
                self._log(words)
                return {"words": words}
            case "heal":
                words = await self._cluster.wrecker.heal(request.get("node"), progress)
                self._log(words)
                return {"words": words}
            case "down":
                asyncio.get_running_loop().call_later(0.05, self._ended.set)
                return {"words": "ending"}
        raise LabError(f"not understood: {request.get('verb')!r}")

    def reason(self, group: BaseExceptionGroup[BaseException]) -> str:
        """Return in one line why the lab did not come up; parts that failed for one reason tell it once."""
        told = dict.fromkeys(str(error) if isinstance(error, PpsConsoleError) else repr(error) for error in leaves(group))
        state = self._state
        folders = [self._order.path, *([Path(state.elsewhere)] if state is not None and state.elsewhere else [])]
        free = {folder: shutil.disk_usage(folder).free for folder in folders if folder.exists()}
        # Servers on a full disk fail in many words, and some only by their silence.
        if free and (any(NO_SPACE in words for words in told) or min(free.values()) < _FULL_BYTES):
            return f"no space left on device in {min(free, key=lambda folder: free[folder])}"
        if all(isinstance(error, PpsConsoleError) for error in leaves(group)):
            return "; ".join(told)
        return "the lab broke while it started: " + "; ".join(told)

    def _progress(self, words: str) -> None:
        self._log(words)
        self._report({"progress": words})

    def _report(self, message: dict[str, str]) -> None:
        # Whoever started the lab may have left.
        with contextlib.suppress(OSError):
            os.write(1, json.dumps(message).encode() + b"\n")

    def _log(self, words: str) -> None:
        with contextlib.suppress(OSError):
            os.write(2, f"{iso(time.time())} {words}\n".encode())


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Return the errors in a group of groups, without the groups."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
