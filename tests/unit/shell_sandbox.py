"""A real /bin/sh in which no program is what it is called: each one only writes down with which words it was started."""

import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_RECORD = """#!/bin/sh
{ printf '%s\\0' "${0##*/}" "$@"; printf '\\001\\0'; } >>"$RECORDS/$$"
"""
_GOES_ON = {
    "timeout": 'while [ "${1#-}" != "$1" ]; do shift; done; shift; exec "$@"',
    "nohup": 'exec "$@"',
    "setsid": 'exec "$@"',
    "sudo": 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"',
    "env": 'while [ "${1%%=*}" != "$1" ]; do shift; done; exec "$@"',
    # What waits for something would wait for ever here.
    "sleep": "kill -9 $PPID",
}
"""Programs that start others, and what they do after they wrote it down."""

CANARY = "canary"
_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")
_MORE = (CANARY, "psql", "pg_ctl", "pg_controldata", "pg_dump", "pg_restore", "pg_rewind", "pg_basebackup", "pg_verifybackup")
_MORE += ("pg_receivewal", "pg_waldump", "postgres", "initdb", "systemctl", "journalctl", "sudo", "nginx", "timeout", "nohup")
_STUCK_S = 20.0


class Sandbox:
    """A folder with recorders for all programs.

    Attributes:
        root: For files of those who use it; `home` and the recorders lie beside.
    """

    def __init__(self, root: Path) -> None:
        self.root, self._records = root, root / "records"
        self._bin, self._home = root / "bin", root / "home"
        self._bin.mkdir(parents=True)
        self._home.mkdir()
        self._records.mkdir()
        names = {name for folder in _FOLDERS if os.path.isdir(folder) for name in os.listdir(folder)} | set(_MORE)
        plain = root / "recorder"
        self._write(plain, _RECORD)
        for name in names - {"sh", "dash"}:
            if name in _GOES_ON:
                self._write(self._bin / name, _RECORD + _GOES_ON[name] + "\n")
            else:
                (self._bin / name).symlink_to(plain)
        (self._bin / "sh").symlink_to("/bin/sh")

    def add_program(self, path: str) -> None:
        """Make a recorder of this path, which is under the root."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.lexists(path):
            os.symlink(self.root / "recorder", path)

    def run(self, command: str) -> list[list[str]]:
        """Return with which words each program was started while the login shell ran `command`."""
        for old in self._records.iterdir():
            old.unlink()
        environment = {"PATH": str(self._bin), "HOME": str(self._home), "RECORDS": str(self._records)}
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            env=environment,
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(_STUCK_S)
        except subprocess.TimeoutExpired:
            pass  # it waits for what never comes here; what it started until then is written down
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        # One file for each process: what runs side by side must not write into each other's words.
        told = [each.read_bytes().decode("utf-8", "surrogateescape") for each in sorted(self._records.iterdir())]
        return [call for each in told for call in _calls(each.split("\0"))]

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)


def _calls(words: list[str]) -> Iterable[list[str]]:
    call: list[str] = []
    for word in words:
        if word == "\x01":
            yield call
            call = []
        else:
            call.append(word)
