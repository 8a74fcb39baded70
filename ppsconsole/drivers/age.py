"""Encryption at rest in the age format (age-encryption.org/v1) by the library `pyrage`, as a stream with bounded memory.

Only age's own keys (X25519) are taken: what a passphrase is stretched with holds every other thread up for seconds, and a key out
of a random generator is never guessed. The library reads and writes plain files, so it works in a thread which is handed pieces.
"""

import asyncio
import io
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from ppsconsole.errors import BadAnswer, PpsConsoleError, SecretError
from ppsconsole.masking import masker

if TYPE_CHECKING:
    from concurrent.futures import Future

Read = Callable[[], Coroutine[Any, Any, bytes]]
"""Returns the next piece, empty at the end."""
Write = Callable[[bytes], Coroutine[Any, Any, None]]

_T = TypeVar("_T")

_SECRET = "AGE-SECRET-KEY-"
_PIECE = 256 * 1024


class AgeKey:
    """A key that opens bundles. Its secret half never leaves this object but to the library.

    Attributes:
        recipient: Its public half, which encrypts and is no secret.
    """

    def __init__(self, text: str, where: str = "") -> None:
        """Take the content of a key file: `age-keygen`'s, or the bare line.

        Args:
            text: With one line that begins with AGE-SECRET-KEY-.
            where: What it was read from, for the error.

        Raises:
            SecretError: There is no such line; nothing of the text is told.
        """
        import pyrage  # type: ignore[import-untyped]  # it comes without types

        lines = [line.strip() for line in text.splitlines() if line.strip().startswith(_SECRET)]
        try:
            self._identity = pyrage.x25519.Identity.from_str(lines[0]) if len(lines) == 1 else None
        except pyrage.IdentityError:
            self._identity = None
        if self._identity is None:
            remedy = (
                "Make one with `ppsconsole backup key` (or age-keygen), keep a copy away from this cluster, and name it there"
            )
            raise SecretError("this is no age key (one line AGE-SECRET-KEY-...)", where=where, remedy=remedy)
        masker.add(lines[0])
        self.recipient = str(self._identity.to_public())

    @staticmethod
    def made() -> str:
        """Return the text of a new key file."""
        import pyrage

        identity = pyrage.x25519.Identity.generate()
        return f"# public key: {identity.to_public()}\n{identity}\n"

    async def encrypt(self, read: Read, write: Write) -> None:
        """Encrypt what `read` returns, and give it to `write`, piece by piece.

        Raises:
            PpsConsoleError: What `read` or `write` raised.
        """
        import pyrage

        assert self._identity is not None
        recipient = self._identity.to_public()
        await _bridged(lambda source, sink: pyrage.encrypt_io(source, sink, [recipient]), read, write)

    async def decrypt(self, read: Read, write: Write) -> None:
        """Decrypt what `read` returns, and give it to `write`, piece by piece.

        What was written before an error is genuine as far as it goes, and not whole.

        Raises:
            BadAnswer: It was encrypted for another key, is damaged, or ends too early.
            PpsConsoleError: What `read` or `write` raised.
        """
        import pyrage

        identity = self._identity
        try:
            await _bridged(lambda source, sink: pyrage.decrypt_io(source, sink, [identity]), read, write)
        except pyrage.DecryptError as error:
            if "No matching keys" in str(error):
                raise BadAnswer("it was encrypted for another key", remedy="Name the key that it was made with") from None
            raise BadAnswer("it is no age file, or its head is damaged") from None
        except OSError:
            raise BadAnswer("it is damaged, or ends too early: it does not decrypt to its end") from None

    async def encrypted(self, text: bytes) -> bytes:
        """Return `text` encrypted; for what is small."""
        return await _whole(self.encrypt, text)

    async def decrypted(self, text: bytes) -> bytes:
        """Return `text` decrypted; for what is small. Raises as `decrypt`."""
        return await _whole(self.decrypt, text)


async def _whole(work: Callable[[Read, Write], Coroutine[Any, Any, None]], text: bytes) -> bytes:
    source, found = io.BytesIO(text), bytearray()

    async def read() -> bytes:
        return source.read(_PIECE)

    async def write(piece: bytes) -> None:
        found.extend(piece)

    await work(read, write)
    return bytes(found)


class _EndedError(Exception):
    """The one side has given up: so does the other."""


class _Bridge:
    """What the library takes for a file: waits, in its thread, for what the loop does."""

    def __init__(self, read: Read, write: Write) -> None:
        self._loop, self._read, self._write = asyncio.get_running_loop(), read, write
        self._rest = memoryview(b"")
        self._waiting: Future[Any] | None = None
        self._is_over = False
        self.failure: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = memoryview(self._done(self._read()))
        size = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:size], self._rest[size:]
        return bytes(found)

    def write(self, piece: bytes) -> int:
        self._done(self._write(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is kept back."""

    def end(self) -> None:
        """Let the thread come to its end, whatever it waits for."""
        self._is_over = True
        if self._waiting is not None:
            self._waiting.cancel()

    def _done(self, work: Coroutine[Any, Any, _T]) -> _T:
        if self._is_over or self.failure is not None:
            work.close()
            raise _EndedError
        self._waiting = waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        if self._is_over:  # it ended between the two
            waiting.cancel()
        try:
            return waiting.result()
        except BaseException as error:
            self.failure = self.failure or error
            raise


async def _bridged(work: Callable[[_Bridge, _Bridge], None], read: Read, write: Write) -> None:
    """Do `work` in a thread; what `read` or `write` raised comes out as it was, and not as the library tells it.

    Raises:
        PpsConsoleError: As they did.
        DecryptError, OSError: The library's own.
    """
    bridge = _Bridge(read, write)
    try:
        await asyncio.to_thread(work, bridge, bridge)
    except Exception:
        if isinstance(bridge.failure, PpsConsoleError):
            raise bridge.failure from None
        raise
    finally:
        bridge.end()
