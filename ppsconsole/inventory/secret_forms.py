"""What a reference to a secret looks like, for those who ask for one."""

import os

from ppsconsole.inventory.kinds import Secret, absolute
from ppsconsole.inventory.secret import SecretRef
from ppsconsole.masking import mask

SECRET_FORMS = "env:NAME, file:PATH, keyring:SERVICE/USER or command:PROGRAM"


def is_reference(words: str) -> bool:
    """Return whether `words` say where a secret is found, and hold none themselves."""
    scheme, _, rest = words.partition(":")
    form = Secret.FORMS.get(scheme)
    return form is not None and form.fullmatch(rest) is not None and mask(rest) == rest


def as_reference(words: str) -> SecretRef:
    """Return the reference that `is_reference` accepted; a file's name is taken from the current folder."""
    scheme, _, rest = words.partition(":")
    return SecretRef(scheme, absolute(rest, os.getcwd()) if scheme == "file" else rest)  # type: ignore[arg-type]
