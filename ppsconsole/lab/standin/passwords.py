"""How the stand-in keeps its accounts' passwords."""

import base64
import hashlib
import hmac
import secrets

# Far below what a real password server needs: the load generator logs in several times a second on a laptop.
_COST = 1024


def hashed(password: str) -> str:
    """Return `salt$hash` for storage, with a new salt."""
    salt = secrets.token_bytes(16)
    return f"{_encoded(salt)}${_encoded(_derived(password, salt))}"


def is_password(password: str, stored: str) -> bool:
    """Return whether `password` is the one that `stored` (from `hashed`) was made of."""
    salt, _, expected = stored.partition("$")
    return hmac.compare_digest(_encoded(_derived(password, base64.b64decode(salt))), expected)


def _derived(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=8, p=1)


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()
