"""Where a secret is found: the inventory never holds one."""

from typing import Literal

from ppsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is found, never the secret itself.

    Attributes:
        scheme: `env`, `file`, `keyring` or `command`.
        rest: The name, path, `SERVICE/USER` or command line.
    """

    scheme: Literal["env", "file", "keyring", "command"]
    rest: str

    def __str__(self) -> str:
        """Return the reference as it stands in the inventory."""
        return f"{self.scheme}:{self.rest}"
