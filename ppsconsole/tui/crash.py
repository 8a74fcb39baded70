"""A mistake of ours that ends the console: kept in a file for whoever mends it, and told in words without values."""

import os
import platform
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from ppsconsole import __version__
from ppsconsole.drivers.log import cleaned
from ppsconsole.inventory import private
from ppsconsole.masking import mask
from ppsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class Crash:
    """What is known of a mistake.

    Attributes:
        what: Kind of error and the place, without the values that its message may have.
        path: The report; None where it could not be written.
        trouble: Why not; empty where it was.
    """

    what: str
    path: Path | None
    trouble: str = ""

    def told(self, standing: str) -> str:
        """Return what is said on the terminal that was given back.

        Args:
            standing: Where the run stands and how to go on with it; empty where there is none.
        """
        lines = [
            f"ppsconsole ended by a mistake of its own: {self.what}.",
            standing or "No run was open: nothing on the cluster was being changed.",
            f"Report, without secrets: {self.path}" if self.path else f"The report could not be written: {self.trouble}",
            "`ppsconsole status` shows the cluster without the console.",
        ]
        return "\n".join(lines)


def crash_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder that reports are kept in, below the XDG state home."""
    home = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "ppsconsole" / "crashes"


def kept(error: BaseException, environ: Mapping[str, str]) -> Crash:
    """Write a report of `error`, readable by nobody else, and return what is to be told of it.

    The values of variables are not in it: they would be whatever the console was working on. Messages of errors are, masked.
    """
    folder = crash_folder(environ)
    path = folder / time.strftime(f"%Y%m%dT%H%M%SZ-{os.getpid()}.txt", time.gmtime())
    try:
        private.write(path, _report(error, environ))
    except OSError as refusal:
        return Crash(_what(error), None, f"{folder}: {refusal.strerror}")
    return Crash(_what(error), path)


def _what(error: BaseException) -> str:
    """Return the kind of `error` and where our own code was when it came."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if f"{os.sep}ppsconsole{os.sep}" in each.filename] or list(frames)
    if not ours:
        return type(error).__name__
    name = ours[-1].filename.rpartition(f"{os.sep}ppsconsole{os.sep}")[2]
    return f"{type(error).__name__} in {name}, line {ours[-1].lineno}"


def _report(error: BaseException, environ: Mapping[str, str]) -> str:
    from importlib.metadata import version

    told = traceback.TracebackException.from_exception(error, capture_locals=False, compact=True)
    head = [
        f"ppsconsole {__version__}, Python {platform.python_version()}, Textual {version('textual')}, {platform.platform()}",
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        " ".join(f"{name}={environ.get(name, '')}" for name in ("TERM", "COLORTERM", "NO_COLOR", "LANG", "LC_ALL")),
        "",
    ]
    # Masked as a whole, since a secret may have several lines; then line by line, as an error may repeat what a host said.
    return "\n".join((*head, *(cleaned(line) for line in mask("".join(told.format())).splitlines()), ""))
