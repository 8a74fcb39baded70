"""What the stand-in reads from and writes to its database. Every statement is one round trip and atomic by itself."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from cryptography.fernet import Fernet
from psycopg.types.json import Jsonb

from ppsconsole.lab.standin.config import StandinConfig
from ppsconsole.lab.standin.passwords import is_password
from ppsconsole.lab.standin.pool import Connection, Pool
from ppsconsole.lab.standin.schema import Keys, ensure_schema

_FOLDER = "id, parent_id, name, notes, created, modified"
_ENTRY = "id, folder_id, name, username, url, notes, user_fields, application_fields, tags, expires, created, modified"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the password tree; the root has no parent."""

    id: UUID
    parent_id: UUID | None
    name: str
    notes: str
    created: datetime
    modified: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry without its password, which is fetched by itself, as in the product."""

    id: UUID
    folder_id: UUID
    name: str
    username: str
    url: str
    notes: str
    user_fields: Mapping[str, Any]
    application_fields: Mapping[str, Any]
    tags: Sequence[str]
    expires: str | None
    created: datetime
    modified: datetime


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to be created."""

    folder_id: UUID
    name: str
    username: str = ""
    url: str = ""
    notes: str = ""
    password: str = field(default="", repr=False)
    user_fields: Mapping[str, Any] = field(default_factory=dict)
    application_fields: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    expires: str | None = None


class Store:
    """The database as the web application uses it. Every method raises `DatabaseUnavailable` when it cannot be used."""

    def __init__(self, config: StandinConfig) -> None:
        self._node = config.name
        self._admin_password = config.admin_password
        self._keys: Keys | None = None
        self._pool = Pool(config.name, config.connection, config.hosts_file, self._prepare)

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def check(self) -> None:
        """Ask the database for something that only its tables can answer."""
        await self._rows("SELECT FROM users LIMIT 1")

    async def keys(self) -> Keys:
        """Return the application's keys, from the database where no connection has brought them yet."""
        if self._keys is None:
            await self.check()
        assert self._keys is not None  # `_prepare` ran, or `check` raised
        return self._keys

    async def sign_in(self, user: str, password: str) -> bool:
        """Return whether this is the account's password. Either outcome is audited, so a read-only database refuses."""
        rows = await self._rows("SELECT password_hash FROM users WHERE name = %s", (user,))
        is_right = bool(rows) and await asyncio.to_thread(is_password, password, rows[0][0])
        await self._rows(
            "INSERT INTO audit (node, actor, event, is_success) VALUES (%s, %s, %s, %s) RETURNING id",
            (self._node, user, "Session Log On" if is_right else "Sign-in Failed", is_right),
        )
        return is_right

    async def folders(self) -> list[Folder]:
        """Return all folders, the root among them, by name."""
        return [Folder(*row) for row in await self._rows(f"SELECT {_FOLDER} FROM folders ORDER BY name, id")]

    async def entries(self, folder_ids: Sequence[UUID]) -> list[Entry]:
        """Return the entries of these folders, by name."""
        rows = await self._rows(
            f"SELECT {_ENTRY} FROM credentials WHERE folder_id = ANY(%s) ORDER BY name, id", (list(folder_ids),)
        )
        return [Entry(*row) for row in rows]

    async def entry(self, entry_id: UUID) -> Entry | None:
        """Return one entry, or None where there is none."""
        rows = await self._rows(f"SELECT {_ENTRY} FROM credentials WHERE id = %s", (entry_id,))
        return Entry(*rows[0]) if rows else None

    async def password(self, entry_id: UUID, actor: str) -> str | None:
        """Return an entry's password, or None where there is no such entry. Audited, so a read-only database refuses."""
        rows = await self._rows(
            """
            WITH found AS (SELECT id, password_encrypted FROM credentials WHERE id = %s),
                 noted AS (INSERT INTO audit (node, actor, event, is_success, item)
                           SELECT %s, %s, 'Password Fetched', true, id::text FROM found)
            SELECT password_encrypted FROM found""",
            (entry_id, self._node, actor),
        )
        return Fernet((await self.keys()).entries).decrypt(rows[0][0]).decode() if rows else None

    async def create_folder(self, parent_id: UUID | None, name: str, notes: str, actor: str) -> UUID | None:
        """Create a folder below `parent_id` (None: the root) and return its id, or None where there is no such parent."""
        return await self._created(
            """
            WITH made AS (INSERT INTO folders (parent_id, name, notes)
                          SELECT id, %s, %s FROM folders WHERE id = %s OR (%s::uuid IS NULL AND parent_id IS NULL)
                          RETURNING id),
                 noted AS (INSERT INTO audit (node, actor, event, is_success, item)
                           SELECT %s, %s, 'Folder Created', true, id::text FROM made)
            SELECT id FROM made""",
            (name, notes, parent_id, parent_id, self._node, actor),
        )

    async def create_entry(self, new: NewEntry, actor: str) -> UUID | None:
        """Create an entry and return its id, or None where there is no such folder."""
        encrypted = Fernet((await self.keys()).entries).encrypt(new.password.encode()).decode()
        return await self._created(
            """
            WITH made AS (INSERT INTO credentials (folder_id, name, username, url, notes, password_encrypted,
                                                   user_fields, application_fields, tags, expires)
                          SELECT id, %s, %s, %s, %s, %s, %s, %s, %s, %s FROM folders WHERE id = %s
                          RETURNING id),
                 noted AS (INSERT INTO audit (node, actor, event, is_success, item)
                           SELECT %s, %s, 'Entry Created', true, id::text FROM made)
            SELECT id FROM made""",
            (
                *(new.name, new.username, new.url, new.notes, encrypted),
                *(Jsonb(new.user_fields), Jsonb(new.application_fields), Jsonb(list(new.tags)), new.expires),
                *(new.folder_id, self._node, actor),
            ),
        )

    async def search(self, text: str) -> tuple[list[Folder], list[Entry]]:
        """Return folders and entries with `text` in their name, user name, URL or notes, whatever the case."""
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        folders = await self._rows(f"SELECT {_FOLDER} FROM folders WHERE name ILIKE %s ORDER BY name, id", (pattern,))
        entries = await self._rows(
            f"""SELECT {_ENTRY} FROM credentials WHERE name ILIKE %s OR username ILIKE %s OR url ILIKE %s OR notes ILIKE %s
                ORDER BY name, id""",
            (pattern,) * 4,
        )
        return [Folder(*row) for row in folders], [Entry(*row) for row in entries]

    async def _prepare(self, connection: Connection) -> None:
        self._keys = await ensure_schema(connection, self._admin_password)

    async def _created(self, statement: LiteralString, values: Sequence[object]) -> UUID | None:
        rows = await self._rows(statement, values)
        return rows[0][0] if rows else None

    async def _rows(self, statement: LiteralString, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        async def work(connection: Connection) -> list[tuple[Any, ...]]:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall()

        return await self._pool.run(work)
