"""`lab load`: logs in, reads and writes through the front all the time, counts downtime and loss, and tells of it."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ppsconsole.clock import duration
from ppsconsole.errors import LabError
from ppsconsole.lab.load_generator import LoadGenerator
from ppsconsole.lab.load_report import LoadReport, Verification

LOST = 1
NOT_VERIFIED = 6


def main(
    url: str,
    ca: Path | None,
    account: str,
    password: str,
    *,
    duration_s: float | None,
    rate: float = 50.0,
    report: Path | None,
    clients: int = 4,
) -> int:
    """Run a load until `duration_s` is over or Ctrl-C, verify it, and print the report.

    Args:
        url: The front, https, on this machine.
        ca: The authority that signed its certificate, or None for the system's.
        account: A local account of the lab.
        password: Its password.
        duration_s: How long, or None for until Ctrl-C. A second Ctrl-C skips the verification.
        rate: Operations tried per second.
        report: Where to write the report as JSON; the ledger then stays beside it, with the suffix `.ledger`.
        clients: How many operations are under way at once, at most.

    Returns:
        0 when no acknowledged write is lost, 1 when some are, 6 when that is unknown.

    Raises:
        UsageError: When the front is not on this machine, or a number makes no sense.
        LoginRefused: When the account or its password is wrong.
        LabError: When the CA file cannot be used or the report cannot be written.
    """
    with contextlib.ExitStack() as stack:
        if report is None:
            ledger = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ppsconsole-load-"))) / "ledger"
        else:
            ledger = report.with_suffix(".ledger")
        try:
            told = asyncio.run(_run(url, ca, account, password, duration_s=duration_s, rate=rate, ledger=ledger, clients=clients))
            if report is not None:
                _write_whole(report, json.dumps(told.as_json(), indent=2) + "\n")
        except OSError as error:
            raise LabError(f"cannot be written: {error.strerror}", where=str(error.filename)) from None
    print(told.text())
    if told.verification is None:
        return NOT_VERIFIED
    return LOST if told.verification.lost else 0


async def _run(
    url: str, ca: Path | None, account: str, password: str, *, duration_s: float | None, rate: float, ledger: Path, clients: int
) -> LoadReport:
    generator = LoadGenerator(url, ca, account, password, ledger=ledger, rate=rate, clients=clients)
    try:
        await generator.start()
        async with _interrupts() as interrupted:
            async with _told(generator):
                ends = (asyncio.create_task(event.wait()) for event in (interrupted, generator.refused))
                await _until_one(*ends, timeout_s=duration_s)
            report = await generator.stop()
            interrupted.clear()
            return replace(report, verification=await _verified(generator, interrupted))
    finally:
        await generator.close()


async def _verified(generator: LoadGenerator, interrupted: asyncio.Event) -> Verification | None:
    """Return the verification, or None when it was interrupted or the front does not answer."""
    task = asyncio.create_task(generator.verify())
    await _until_one(task, asyncio.create_task(interrupted.wait()))
    try:
        return await task
    except asyncio.CancelledError:
        return None
    except LabError as error:
        print(error, file=sys.stderr)
        return None


async def _until_one(*tasks: asyncio.Task[Any], timeout_s: float | None = None) -> None:
    """Wait until one of `tasks` is over, or the time, and cancel those that are not."""
    await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


@contextlib.asynccontextmanager
async def _interrupts() -> AsyncIterator[asyncio.Event]:
    """An event that Ctrl-C, SIGTERM or a hang-up sets, instead of ending the process."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, event.set)
    try:
        yield event
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def _told(generator: LoadGenerator) -> AsyncIterator[None]:
    """While it runs, one line a second on a terminal, written over itself."""
    if not sys.stderr.isatty():
        yield
        return

    async def tell() -> None:
        while True:
            line = progress(generator.report())[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()
            await asyncio.sleep(1)

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        task.cancel()
        sys.stderr.write("\r\x1b[K")


def progress(report: LoadReport) -> str:
    """Return a running load as one line: what is out now comes first."""
    out = [
        f"{kind.kind} OUT {duration(kind.outages[-1].length_s)}"
        for kind in report.kinds
        if kind.outages and not kind.outages[-1].is_over
    ]
    state = ", ".join(out) or "all served"
    return (
        f"{duration(report.ended_at - report.began_at)}  {state}  {report.attempts} tried  {report.failed} failed  "
        f"longest outage: writes {duration(report.writes.longest_outage_s)}, reads {duration(report.reads.longest_outage_s)}"
    )


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
