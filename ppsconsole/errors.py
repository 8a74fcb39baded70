"""The error tree. Each error says where, what happened and what to do.

PpsConsoleError
├── UsageError              wrong words on the command line (exit 2)
├── InventoryError          a declared thing is wrong: all mistakes at once (exit 2)
├── SettingsError           the same of a person's own console.yaml
├── DriverError             something could not be reached or did not answer
│   ├── Unreachable         no connection: refused, timed out, no route
│   │   └── BastionDown     ... because a bastion on the way failed
│   ├── HostKeyRefused      unknown or changed host key: somebody has to look
│   ├── LoginRefused        credentials were not accepted
│   ├── TimedOut            connected, but no answer within the limit
│   ├── OutputTooLong       the answer passed its limit and was cut off
│   └── BadAnswer           answered, but not with what was expected
├── SecretError             a secret reference does not resolve
└── LabError                the lab cannot do that
"""

from typing import ClassVar

from ppsconsole.values import dataclass


class PpsConsoleError(Exception):
    """Base of all errors that are meant for the operator's eyes.

    Attributes:
        what: What happened, one sentence, no secret in it.
        remedy: What to do about it, or the empty string.
        where: The host, node or file it is about, or the empty string.
        exit_code: What a command exits with when this ends it (DESIGN §4).
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        """Return `where: what. remedy` with the empty parts left out, and without the place where `what` begins with it."""
        head = f"{self.where}: {self.what}" if self.where and not self.what.startswith(f"{self.where} ") else self.what
        return f"{head}. {self.remedy}" if self.remedy else head


class UsageError(PpsConsoleError):
    """The command line asks for something that does not exist."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in an inventory, or in another file of the user.

    Attributes:
        path: The file as the user named it.
        line: 1-based line, 0 when the mistake is about the file itself.
        column: 1-based column, 0 likewise.
        what: The value found and what is wrong with it.
        allowed: What was allowed there, and the nearest valid name; may be empty.
    """

    path: str
    line: int
    column: int
    what: str
    allowed: str = ""

    def __str__(self) -> str:
        """Return `file:line:column: what; allowed`, the form that editors jump to."""
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self.what}" + (f"; {self.allowed}" if self.allowed else "")


class _MistakesError(PpsConsoleError):
    """A file of the user cannot be used.

    Attributes:
        mistakes: Every mistake found, in the order of the file.
    """

    exit_code = 2
    file: ClassVar[str] = "file"

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        noun = "mistake" if len(mistakes) == 1 else "mistakes"
        super().__init__(f"{len(mistakes)} {noun} in the {self.file}")
        self.mistakes = mistakes

    def __str__(self) -> str:
        """Return one line for each mistake."""
        return "\n".join(str(mistake) for mistake in self.mistakes)


class InventoryError(_MistakesError):
    """The inventory cannot be used."""

    file = "inventory"


class SettingsError(_MistakesError):
    """The user's own settings (`console.yaml`) cannot be used."""

    file = "settings"


class DriverError(PpsConsoleError):
    """Something outside could not be reached or did not answer as it should.

    Attributes:
        word: A short stable word for the kind of failure; facts and tests rely on it.
    """

    word: ClassVar[str] = "error"


class Unreachable(DriverError):
    """No connection came about.

    Attributes:
        is_refused: The other side answered, with a refusal: the host is up, the port closed.
    """

    word = "unreachable"

    def __init__(self, what: str, *, where: str = "", remedy: str = "", is_refused: bool = False) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.is_refused = is_refused


class BastionDown(Unreachable):
    """A bastion on the way failed, so nothing is known of the host behind it."""

    word = "bastion-down"


class HostKeyRefused(DriverError):
    """The host showed an unknown or a changed key."""

    word = "host-key-refused"


class LoginRefused(DriverError):
    """The host or the database did not accept the credentials."""

    word = "login-refused"


class TimedOut(DriverError):
    """Connected, but nothing came back within the limit."""

    word = "timed-out"


class OutputTooLong(DriverError):
    """The answer passed its limit and was cut off."""

    word = "output-too-long"


class BadAnswer(DriverError):
    """Something answered, but not with what was expected."""

    word = "bad-answer"


class SecretError(PpsConsoleError):
    """A secret reference does not resolve."""

    word: ClassVar[str] = "no-secret"


class RunError(PpsConsoleError):
    """A run cannot start or go on."""


class Blocked(RunError):
    """Something that has to hold does not, or a gate has no answer; nothing was touched."""

    exit_code = 3


class Leased(RunError):
    """Another run holds the lease."""

    exit_code = 7


class WorldMoved(RunError):
    """Identity, role or lease epoch is not what the plan was made for; the command did nothing."""

    exit_code = 3


class JournalError(RunError):
    """The journal cannot be written, is damaged, or is of a newer version."""


class LabError(PpsConsoleError):
    """The lab cannot do what was asked."""
