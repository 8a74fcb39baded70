"""Logs in to a Pleasant Password Server as its REST clients do: one token, asked for once, and thrown away."""

from dataclasses import dataclass
from urllib.parse import urlencode

from ppsconsole.cluster.told import told_json
from ppsconsole.drivers.web import WebLook, look
from ppsconsole.errors import DriverError
from ppsconsole.masking import plain

_PATH = "/OAuth2/Token"


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """What became of one login.

    Attributes:
        words: For people; neither the password nor the token is in it.
        is_refused: The server answered, and does not let this account in: the same login again only counts as one more wrong one.
        took_s: From the connection to the answer, in seconds; None without an answer.
    """

    is_in: bool
    words: str
    is_refused: bool = False
    took_s: float | None = None


async def log_in(
    url: str, account: str, password: str, *, ca: str | None = None, server_name: str | None = None, timeout_s: float = 10.0
) -> LoginAnswer:
    """Ask `url` for a token: `POST /OAuth2/Token`, grant type `password`, a failure is status 400 (the vendor's REST API).

    Whatever goes wrong is an answer, not an error. It is never repeated: wrong logins lock accounts.

    Args:
        url: Front or web node, `https://` or `http://`.
        account: Local account without a second factor.
        password: Sent in the body.
        ca: PEM file with the authorities to trust; None for the system's.
        server_name: The name that its certificate must cover; None for the host part of `url`.
        timeout_s: Limit for all of it.
    """
    form = urlencode({"grant_type": "password", "username": account, "password": password}).encode()
    headers = {"Accept": "application/json"}
    try:
        seen = await look(url, ca=ca, server_name=server_name, timeout_s=timeout_s, path=_PATH, headers=headers, form=form)
    except DriverError as error:
        return LoginAnswer(False, plain(f"not tried: {error.what}"))
    if seen.http_status is None:
        return LoginAnswer(False, plain(f"no answer: {seen.detail or 'nothing came'}"))
    return _answer(seen, seen.http_status)


def _answer(seen: WebLook, status: int) -> LoginAnswer:
    took_s = round(sum(part for part in (seen.tcp_s, seen.tls_s, seen.http_s) if part is not None), 4)
    try:
        found = told_json(seen.body)
    except ValueError:
        found = None
    found = found if isinstance(found, dict) else {}
    token = found.get("access_token")
    if status == 200 and isinstance(token, str) and token:
        return LoginAnswer(True, "ok", took_s=took_s)
    if dict(seen.headers).get("x-pleasant-otp", "").lower() == "required":
        return LoginAnswer(False, "the account has a second factor: take one without", is_refused=True, took_s=took_s)
    said = f"HTTP {status} {found.get('error_description') or found.get('error') or ''}".strip()
    return LoginAnswer(False, plain(said), is_refused=400 <= status < 500, took_s=took_s)
