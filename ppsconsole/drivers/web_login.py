"""Logs in to a Pleasant Password Server as its REST clients do: one token, asked for once, and thrown away."""

import asyncio
import http.client
import json
import os
import ssl
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from ppsconsole.masking import masker, plain

_PATH = "/OAuth2/Token"
_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """What became of one login.

    Attributes:
        words: For people; neither the password nor the token is in it.
    """

    is_in: bool
    words: str


async def log_in(url: str, account: str, password: str, *, ca: str | None = None, timeout_s: float = 10.0) -> LoginAnswer:
    """Ask `url` for a token: `POST /OAuth2/Token`, grant type `password`, a failure is status 400 (the vendor's REST API).

    Whatever goes wrong is an answer, not an error. It is never repeated: wrong logins lock accounts.

    Args:
        url: Front or web node, `https://` or `http://`.
        account: Local account without a second factor.
        password: Sent in the body.
        ca: PEM file with the authorities to trust; None for the system's.
        timeout_s: Limit for each wait on the line.
    """
    return await asyncio.to_thread(_logged_in, url, account, password, ca, timeout_s)


def _logged_in(url: str, account: str, password: str, ca: str | None, timeout_s: float) -> LoginAnswer:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=os.path.expanduser(ca) if ca else None)
            line: http.client.HTTPConnection = http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
        else:
            line = http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
        try:
            body = urlencode({"grant_type": "password", "username": account, "password": password})
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
            line.request("POST", parts.path.rstrip("/") + _PATH, body, headers)
            answer = line.getresponse()
            status, text = answer.status, answer.read(_LIMIT_BYTES)
        finally:
            line.close()
    except (OSError, http.client.HTTPException) as error:
        return LoginAnswer(False, plain(f"no answer: {error}"))
    try:
        found = json.loads(text)
    except ValueError:
        found = {}
    if not isinstance(found, dict):
        found = {}
    token = found.get("access_token")
    if status == http.HTTPStatus.OK and isinstance(token, str) and token:
        masker.add(token)
        return LoginAnswer(True, "ok")
    return LoginAnswer(False, plain(f"HTTP {status} {found.get('error_description') or found.get('error') or ''}".strip()))
