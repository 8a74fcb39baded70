"""Resolves secret references at the last moment, and tells the masker about each value."""

import asyncio
import importlib
import os
import shlex
import stat
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from ppsconsole.drivers.local import killed
from ppsconsole.errors import SecretError
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.masking import masker

COMMAND_TIMEOUT_S = 10.0
"""How long a secret's command may take: a hardware token or a network safe needs a moment, a prompt never ends."""

_LIMIT_BYTES = 64 * 1024


async def resolve(ref: SecretRef) -> str:
    """Return the secret that `ref` names; it is masked in all recorded text from now on.

    Raises:
        SecretError: It does not resolve. The text names the reference and never holds anything of the value.
    """
    match ref.scheme:
        case "env":
            secret = _from_environment(ref)
        case "file":
            secret = await asyncio.to_thread(_from_file, ref)
        case "keyring":
            secret = await asyncio.to_thread(_from_keyring, ref)
        case "command":
            secret = await _from_command(ref)
    if not secret:
        raise SecretError("the secret is empty", where=str(ref), remedy="Store a value there")
    masker.add(secret)
    return secret


def _from_environment(ref: SecretRef) -> str:
    secret = os.environ.get(ref.rest)
    if secret is None:
        raise SecretError("the environment variable is not set", where=str(ref), remedy=f"Export {ref.rest} before starting")
    return secret


def _from_file(ref: SecretRef) -> str:
    path = Path(ref.rest).expanduser()
    try:
        with path.open("rb") as file:
            # The open file is asked, not the path: nobody can swap it between the look and the read.
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise SecretError("not an ordinary file", where=str(ref))
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SecretError(
                    f"others can read the file (mode {stat.S_IMODE(mode):04o})",
                    where=str(ref),
                    remedy=f"chmod 600 {shlex.quote(str(path))}",
                )
            raw = file.read(_LIMIT_BYTES + 1)
    except OSError as error:
        raise SecretError(f"the file cannot be read: {error.strerror or 'unknown reason'}", where=str(ref)) from None
    return _decoded(raw, ref)


def _from_keyring(ref: SecretRef) -> str:
    service, _, user = ref.rest.rpartition("/")
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise SecretError(
            "the Python package `keyring` is not installed",
            where=str(ref),
            remedy="Install it beside ppsconsole, or use env:, file: or command:",
        ) from None
    trouble = ""
    try:
        secret = keyring.get_password(service, user)
    except Exception as error:  # the back ends raise what they like; only the kind is named, never the text
        trouble = type(error).__name__
    if trouble:  # raised out here, so that the back end's own error does not come along as context
        raise SecretError(f"the keyring refused ({trouble})", where=str(ref), remedy="Unlock it")
    if secret is None:
        raise SecretError(
            "the keyring has no such entry", where=str(ref), remedy=f"keyring set {shlex.quote(service)} {shlex.quote(user)}"
        )
    return str(secret)


async def _from_command(ref: SecretRef) -> str:
    try:
        words = shlex.split(ref.rest)
    except ValueError:
        raise SecretError("the command line has an open quote", where=str(ref)) from None
    if not words:
        raise SecretError("the command line is empty", where=str(ref))
    try:
        process = await asyncio.create_subprocess_exec(*words, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, start_new_session=True)
    except OSError as error:
        raise SecretError(f"the command cannot be started: {error.strerror or 'unknown reason'}", where=str(ref)) from None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            raw = b""
            while chunk := await process.stdout.read(_LIMIT_BYTES):
                raw += chunk
                if len(raw) > _LIMIT_BYTES:
                    break
            else:
                await process.wait()
    except TimeoutError:
        raise SecretError(
            f"the command gave nothing within {COMMAND_TIMEOUT_S:.0f}s",
            where=str(ref),
            remedy="It must not ask anything: there is no terminal behind it",
        ) from None
    finally:
        await killed(process)
    if process.returncode != 0 and len(raw) <= _LIMIT_BYTES:
        raise SecretError(f"the command ended with exit status {process.returncode}", where=str(ref))
    return _decoded(raw, ref)


def _decoded(raw: bytes, ref: SecretRef) -> str:
    if len(raw) > _LIMIT_BYTES:
        raise SecretError(f"more than {_LIMIT_BYTES} bytes, which is no secret", where=str(ref))
    text: str | None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = None
    if text is None:  # raised out here, because the codec's own error would carry the value along as context
        raise SecretError("not UTF-8 text", where=str(ref))
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")
