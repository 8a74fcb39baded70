"""The web application: which request does what, and what a client gets to see."""

import json
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs
from uuid import UUID

from aiohttp import web

from ppsconsole.clock import Clock
from ppsconsole.lab.standin import pages, shapes, tokens
from ppsconsole.lab.standin.config import StandinConfig
from ppsconsole.lab.standin.pool import DatabaseUnavailable
from ppsconsole.lab.standin.store import Store
from ppsconsole.masking import plain

_log = logging.getLogger("standin")

Handler = Callable[[web.Request, tuple[str, ...]], Awaitable[web.StreamResponse]]

# v4 says credentialgroup and credential where later versions say folders and entries.
_REST = r"/api/v[4-7]/rest/"
_FOLDERS = _REST + r"(?:folders|credentialgroup)"
_ENTRIES = _REST + r"(?:entries|credential)"


class Unauthorized(Exception):
    """No valid token came with the request."""


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    path: re.Pattern[str]
    handler: Handler


class Api:
    """Answers requests from a store.

    Paths are taken whatever their case and with doubled slashes, as the real server does and its clients rely on.
    """

    def __init__(self, config: StandinConfig, store: Store, clock: Clock) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._routes = [
            _Route(method, re.compile(pattern), handler)
            for method, pattern, handler in (
                ("GET", "/", self._login_page),
                ("GET", "/version", self._version_page),
                ("POST", "/oauth2/token", self._token),
                ("GET", _REST + "getserverinfo", self._server_info),
                ("GET", _FOLDERS + "/root", self._root),
                ("GET", _FOLDERS, self._folders),
                ("GET", _FOLDERS + "/([^/]+)", self._folder),
                ("POST", _FOLDERS, self._create_folder),
                ("GET", _ENTRIES, self._entries),
                ("GET", _ENTRIES + "/([^/]+)", self._entry),
                ("GET", _ENTRIES + "/([^/]+)/password", self._password),
                ("POST", _ENTRIES, self._create_entry),
                ("POST", _REST + "search", self._search),
            )
        ]

    def application(self) -> web.Application:
        """Return it as an aiohttp application."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        application.on_response_prepare.append(_sign)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._dispatch(request)
        except web.HTTPException:
            raise
        except Unauthorized:
            return _json({"Message": "Authorization has been denied for this request."}, 401, {"WWW-Authenticate": "Bearer"})
        except shapes.BadRequest as refusal:
            return _json({"error_message": str(refusal)}, 400)
        except DatabaseUnavailable as failure:
            # The pool has logged the cause, once: a line for each request would fill the disk in a long outage.
            _log.debug("503 %s %s: %s", request.method, plain(request.path), failure)
            return self._failure(503, "The application could not use its database.")
        except Exception:
            _log.exception("500 %s %s", request.method, plain(request.path))
            return self._failure(500, "The application failed.")

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        path = re.sub("/+", "/", request.path.lower()).rstrip("/") or "/"
        method = "GET" if request.method == "HEAD" else request.method
        matching = [(route, found) for route in self._routes if (found := route.path.fullmatch(path))]
        for route, found in matching:
            if route.method == method:
                return await route.handler(request, found.groups())
        if matching:
            message = f"The requested resource does not support http method '{request.method}' on this stand-in."
            return _json({"Message": message}, 405, {"Allow": ", ".join(sorted({route.method for route, _ in matching}))})
        return _json({"Message": f"No HTTP resource was found that matches the request URI '{plain(str(request.url))}'."}, 404)

    # pages

    async def _login_page(self, _request: web.Request, _parts: tuple[str, ...]) -> web.Response:
        await self._store.check()
        return _html(pages.login_page(self._config.name, self._config.version), 200)

    async def _version_page(self, _request: web.Request, _parts: tuple[str, ...]) -> web.Response:
        return _html(pages.version_page(self._config.name, self._config.version), 200)

    # REST

    async def _token(self, request: web.Request, _parts: tuple[str, ...]) -> web.Response:
        # The body is read as a form whatever its declared type: pleasant-cli calls it JSON and is understood all the same.
        form = parse_qs(await request.text(), keep_blank_values=True)
        grant, user, password = (form.get(name, [""])[0] for name in ("grant_type", "username", "password"))
        if grant != "password":
            return _refusal("unsupported_grant_type", "Only grant_type=password is supported.")
        if "\0" in user or not await self._store.sign_in(user, password):
            _log.info("sign-in failed for %r from %s", plain(user, 80), request.remote)
            return _refusal("invalid_grant", "The username or password is incorrect.")
        key = (await self._store.keys()).token
        token = tokens.issued(user, key, self._clock.now())
        return _json(
            {"access_token": token, "token_type": "bearer", "expires_in": tokens.LIFETIME_S},
            headers={"Cache-Control": "no-store"},
        )

    async def _server_info(self, request: web.Request, _parts: tuple[str, ...]) -> web.Response:
        await self._user(request)
        await self._store.check()
        return _json(shapes.server_info_json(self._config.version, self._config.port))

    async def _root(self, request: web.Request, _parts: tuple[str, ...]) -> web.Response:
        await self._user(request)
        return _json(str((await self._tree()).root.id))

    async def _folders(self, request: web.Request, _parts: tuple[str, ...]) -> web.Response:
        await self._user(request)
        tree = await self._tree()
        return await self._branch(tree, tree.root.id)

    async def _folder(self, request: web.Request, parts: tuple[str, ...]) -> web.Response:
        await self._user(request)
        folder_id = shapes.identity(parts[0])
        return await self._branch(await self._tree(), folder_id)

    async def _branch(self, tree: shapes.Tree, folder_id: UUID) -> web.Response:
        folder = tree.by_id.get(folder_id)
        if folder is None:
            return _missing("folder")
        entries = await self._store.entries([each.id for each in tree.below(folder)])
        return _json(shapes.folder_json(tree, folder, entries))

    async def _create_folder(self, request: web.Request, _parts: tuple[str, ...]) -> web.Response:
        user = await self._user(request)
        parent_id, name, notes = shapes.new_folder(await _body(request))
        folder_id = await self._store.create_folder(parent_id, name, notes, user)
        return _json(str(folder_id)) if folder_id else _missing("folder")

    async def _entries(self, request: web.Request, _parts: tuple[str, ...]) -> web.Response:
        await self._user(request)
        tree = await self._tree()
        return _json([shapes.entry_json(entry) for entry in await self._store.entries(list(tree.by_id))])

    async def _entry(self, request: web.Request, parts: tuple[str, ...]) -> web.Response:
        await self._user(request)
        entry = await self._store.entry(shapes.identity(parts[0]))
        return _json(shapes.entry_json(entry)) if entry else _missing("entry")

    async def _password(self, request: web.Request, parts: tuple[str, ...]) -> web.Response:
        user = await self._user(request)
        password = await self._store.password(shapes.identity(parts[0]), user)
        return _missing("entry") if password is None else _json(password, headers={"Cache-Control": "no-store"})

    async def _create_entry(self, request: web.Request, _parts: tuple[str, ...]) -> web.Response:
        user = await self._user(request)
        entry_id = await self._store.create_entry(shapes.new_entry(await _body(request)), user)
        return _json(str(entry_id)) if entry_id else _missing("folder")

    async def _search(self, request: web.Request, _parts: tuple[str, ...]) -> web.Response:
        await self._user(request)
        folders, entries = await self._store.search(shapes.search_text(await _body(request)))
        return _json(shapes.search_json(await self._tree(), folders, entries))

    async def _tree(self) -> shapes.Tree:
        return shapes.Tree.of(await self._store.folders())

    async def _user(self, request: web.Request) -> str:
        """Return whose token came with the request; bare and `Bearer` forms are both taken, as by the real server."""
        scheme, _, rest = request.headers.get("Authorization", "").strip().partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else scheme
        if not token:
            raise Unauthorized
        user = tokens.holder(token, (await self._store.keys()).token, self._clock.now())
        if user is None:
            raise Unauthorized
        return user

    def _failure(self, status: int, reason: str) -> web.Response:
        return _html(pages.error_page(status, reason, self._config.name, self._config.version), status)


async def _sign(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "PPS stand-in"


async def _body(request: web.Request) -> object:
    try:
        return json.loads(await request.text())
    except ValueError:
        raise shapes.BadRequest("The body is not valid JSON") from None


def _json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(value, status=status, headers=headers)


def _html(text: str, status: int) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")


def _missing(what: str) -> web.Response:
    return _json({"error_message": f"Cannot find the requested {what}."}, 404)


def _refusal(error: str, description: str) -> web.Response:
    """Return how a token request is refused: the real server answers 400, not 401."""
    return _json({"error": error, "error_description": description}, 400)
