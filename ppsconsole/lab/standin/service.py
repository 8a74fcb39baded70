"""The life of a stand-in: what is opened before privileges are dropped, serving, and a clean stop."""

import asyncio
import contextlib
import importlib
import logging
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from aiohttp import web

from ppsconsole.clock import Clock
from ppsconsole.errors import LabError
from ppsconsole.lab.standin.api import Api
from ppsconsole.lab.standin.config import StandinConfig
from ppsconsole.lab.standin.pool import DatabaseUnavailable
from ppsconsole.lab.standin.store import Store
from ppsconsole.masking import mask, masker

_STOP_S = 1.0  # aiohttp waits so long before it asks requests to end, and once more before it cancels them
_LATE_IMPORTS = ("concurrent.futures.thread", "encodings.ascii", "encodings.idna", "encodings.latin_1")
"""Modules that the libraries load at first use. A root user's Python may stand in a folder that only root can read, so they
are loaded before the privileges are dropped."""
_CHECK_EVERY_S = 2.0

_log = logging.getLogger("standin")


def serve(config: StandinConfig, clock: Clock) -> None:
    """Serve until SIGTERM or SIGINT; requests under way get about two seconds to end.

    Raises:
        LabError: When the port is taken, a file cannot be opened, or privileges cannot be dropped.
    """
    for secret in (config.connection.password, config.admin_password):
        masker.add(secret)
    _open_log(config.log_file)
    context = _tls(config)
    listener = _listener(config)
    _drop_privileges(config.user)
    asyncio.run(_run(config, clock, listener, context))


async def _run(config: StandinConfig, clock: Clock, listener: socket.socket, context: ssl.SSLContext) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    store = Store(config)
    runner = web.AppRunner(Api(config, store, clock).application(), access_log=None, shutdown_timeout=_STOP_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, ssl_context=context).start()
        with _pid_file(config.pid_file):
            _log.info("stand-in %s %s listens on %s:%d", config.name, config.version, config.address, config.port)
            async with _kept_up(store, clock):
                await stop.wait()
                _log.info("stand-in %s was told to stop", config.name)
                await runner.cleanup()
    finally:
        await runner.cleanup()
        await store.close()
    _log.info("stand-in %s stopped", config.name)


@contextlib.asynccontextmanager
async def _kept_up(store: Store, clock: Clock) -> AsyncIterator[None]:
    """Use the database now and then without being asked, as the product's own schedulers do.

    So the tables are there before the first request, and the database sees this node connected, soon after it came back.
    """

    async def keep() -> None:
        while True:
            with contextlib.suppress(DatabaseUnavailable):  # the pool has logged it
                await store.check()
            await clock.sleep(_CHECK_EVERY_S)

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.contextmanager
def _pid_file(path: Path) -> Iterator[None]:
    """Keep this process's id in `path`: whole or not at all, and only as long as it is this process's."""
    own = f"{os.getpid()}\n"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(own, encoding="ascii")
        draft.replace(path)
    except OSError as error:
        raise LabError(f"the pid file cannot be written: {error.strerror}", where=str(path)) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_text(encoding="ascii") == own:
                path.unlink()


def _open_log(path: Path) -> None:
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise LabError(f"the log cannot be written: {error}", where=str(path)) from None
    handler.setFormatter(_MaskingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class _MaskingFormatter(logging.Formatter):
    """Takes secrets out of whole records, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


def _tls(config: StandinConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(config.certificate, config.key)
    except (OSError, ssl.SSLError) as error:
        raise LabError(f"the certificate cannot be used: {error}", where=f"{config.certificate}, {config.key}") from None
    return context


def _listener(config: StandinConfig) -> socket.socket:
    try:
        return socket.create_server((config.address, config.port), backlog=256)
    except OSError as error:
        raise LabError(
            f"cannot listen: {error.strerror}", where=f"{config.address}:{config.port}", remedy="stop what listens there"
        ) from None


def _drop_privileges(user: tuple[int, int] | None) -> None:
    if user is None or user == (os.geteuid(), os.getegid()):
        return
    uid, gid = user
    for module in _LATE_IMPORTS:
        importlib.import_module(module)
    try:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        raise LabError(
            f"cannot become user {uid}, group {gid}: {error.strerror}", remedy="only root can; leave 'user' out"
        ) from None
