"""Read-only mode of the console: the engine reads it where it begins a run; screens only grey their keys by it."""

from collections.abc import Mapping

from ppsconsole.errors import Blocked

READ_ONLY_VARIABLE = "PPSCONSOLE_READ_ONLY"
"""As in `ppsconsole.engine.desk`, which is not loaded before it is needed."""


class Lock:
    """Locked at first.

    Attributes:
        environ: A copy of the environment for the desk, in which this console is read-only until it is unlocked.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._is_forced = environ.get(READ_ONLY_VARIABLE, "") not in ("", "0")
        self.environ = {**environ, READ_ONLY_VARIABLE: "1"}

    @property
    def is_open(self) -> bool:
        """Whether the engine lets this console change anything."""
        return self.environ[READ_ONLY_VARIABLE] == "0"

    def turn(self) -> None:
        """Unlock it, or lock it again.

        Raises:
            Blocked: The environment says that nothing is run from here.
        """
        if self._is_forced:
            remedy = "Start it without that variable to change anything"
            raise Blocked(f"this console was started with {READ_ONLY_VARIABLE} set", remedy=remedy)
        self.environ[READ_ONLY_VARIABLE] = "1" if self.is_open else "0"
