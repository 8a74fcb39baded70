"""The stand-in's own tables. They are not the product's: nothing public says what those look like on PostgreSQL."""

import base64
import secrets
from dataclasses import dataclass

from cryptography.fernet import Fernet

from ppsconsole.lab.standin.passwords import hashed
from ppsconsole.lab.standin.pool import Connection, DatabaseUnavailable

ADMIN = "admin"

_LOCK = 0x5050_5343  # any number that every stand-in of a cluster agrees on

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS folders (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        parent_id uuid REFERENCES folders,
        name text NOT NULL,
        notes text NOT NULL DEFAULT '',
        created timestamptz NOT NULL DEFAULT now(),
        modified timestamptz NOT NULL DEFAULT now()
    )""",
    "CREATE UNIQUE INDEX IF NOT EXISTS folders_one_root ON folders ((true)) WHERE parent_id IS NULL",
    "CREATE INDEX IF NOT EXISTS folders_parent ON folders (parent_id)",
    """
    CREATE TABLE IF NOT EXISTS credentials (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        folder_id uuid NOT NULL REFERENCES folders,
        name text NOT NULL,
        username text NOT NULL DEFAULT '',
        url text NOT NULL DEFAULT '',
        notes text NOT NULL DEFAULT '',
        password_encrypted text NOT NULL,
        user_fields jsonb NOT NULL DEFAULT '{}',
        application_fields jsonb NOT NULL DEFAULT '{}',
        tags jsonb NOT NULL DEFAULT '[]',
        expires text,
        created timestamptz NOT NULL DEFAULT now(),
        modified timestamptz NOT NULL DEFAULT now()
    )""",
    "CREATE INDEX IF NOT EXISTS credentials_folder ON credentials (folder_id)",
    """
    CREATE TABLE IF NOT EXISTS users (
        name text PRIMARY KEY,
        password_hash text NOT NULL,
        created timestamptz NOT NULL DEFAULT now()
    )""",
    "CREATE TABLE IF NOT EXISTS application_keys (purpose text PRIMARY KEY, value text NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        node text NOT NULL,
        actor text NOT NULL,
        event text NOT NULL,
        is_success boolean NOT NULL,
        item text NOT NULL DEFAULT ''
    )""",
)


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The application's keys.

    They stand in the database beside what they protect, so whoever holds the database can decrypt it: that is what was
    published of the product itself (MDSec, CVE-2023-27121, for 7.11), and what lets every web node, and any copy of the
    database, work without carrying a key over.

    Attributes:
        token: Signs bearer tokens: one given by one web node is valid at all.
        entries: A Fernet key that encrypts the passwords of entries.
    """

    token: bytes
    entries: bytes


async def ensure_schema(connection: Connection, admin_password: str) -> Keys:
    """Return the keys of the database that `connection` leads to; on a writable one make what is missing first.

    Idempotent; several web nodes may start at once. An existing account keeps its password.

    Raises:
        DatabaseUnavailable: When the tables are missing and the database cannot be written.
        psycopg.Error: When the server refuses.
    """
    keys = await _read_keys(connection)
    if keys is not None:
        return keys
    cursor = await connection.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean")
    if await cursor.fetchone() != (False,):
        raise DatabaseUnavailable("the tables are missing, and this database is read-only")
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        for statement in _TABLES:
            await connection.execute(statement)
        await _seed(connection, admin_password)
    keys = await _read_keys(connection)
    if keys is None:
        raise DatabaseUnavailable("the keys are gone from the database: restore it from a backup")
    return keys


async def _read_keys(connection: Connection) -> Keys | None:
    cursor = await connection.execute("SELECT to_regclass('application_keys') IS NOT NULL")
    if await cursor.fetchone() != (True,):
        return None
    cursor = await connection.execute("SELECT purpose, value FROM application_keys")
    found = {str(purpose): str(value) for purpose, value in await cursor.fetchall()}
    if not {"token", "entries"} <= found.keys():
        return None
    return Keys(token=base64.b64decode(found["token"]), entries=found["entries"].encode())


async def _seed(connection: Connection, admin_password: str) -> None:
    await connection.execute(
        "INSERT INTO folders (name) SELECT 'Root' WHERE NOT EXISTS (SELECT FROM folders WHERE parent_id IS NULL)"
    )
    await connection.execute(
        "INSERT INTO users (name, password_hash) VALUES (%s, %s) ON CONFLICT DO NOTHING", (ADMIN, hashed(admin_password))
    )
    for purpose, value in (("token", base64.b64encode(secrets.token_bytes(32))), ("entries", Fernet.generate_key())):
        await connection.execute(
            "INSERT INTO application_keys (purpose, value) VALUES (%s, %s) ON CONFLICT DO NOTHING", (purpose, value.decode())
        )
