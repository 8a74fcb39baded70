"""Bearer tokens: signed, and without any state on the web node, so that every node of the cluster accepts them."""

import base64
import binascii
import hashlib
import hmac
import json

LIFETIME_S = 3900
"""What a real 9.1.11.0 server answers as `expires_in`; it gives no refresh token."""


def issued(user: str, key: bytes, now: float) -> str:
    """Return a token for `user`, valid for `LIFETIME_S` seconds from `now` (seconds since 1970 UTC)."""
    body = _encoded(json.dumps({"sub": user, "exp": now + LIFETIME_S}).encode())
    return f"{body}.{_signature(body, key)}"


def holder(token: str, key: bytes, now: float) -> str | None:
    """Return whose token it is, or None when it is forged, damaged or expired at `now`."""
    body, _, signature = token.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(body, key).encode()):
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, binascii.Error):
        return None
    return str(claims["sub"]) if now < claims["exp"] else None


def _signature(body: str, key: bytes) -> str:
    return _encoded(hmac.digest(key, body.encode(), hashlib.sha256))


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
