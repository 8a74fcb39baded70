"""SQL that makes a database like another one: what pg_dump leaves out of a dump that is restored under another name. No IO."""

from collections.abc import Mapping
from typing import Any

from ppsconsole.actions.copying import identifier, literal
from ppsconsole.masking import plain

_LISTS = ("local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces")
"""Settings that are lists of names: quoted as one string they would be one name (pg_dump's variable_is_guc_list_quote)."""
_CLOSED = "default_transaction_read_only"
"""Set on the source while it is copied; the copy is there to be written to."""


def values_like(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step notes of the database that `found` tells of, to make `name` like it.

    `create` and the list `properties` are statements; `limit` of connections and `comment` are given when it is put in use.
    """
    return {
        "create": create_statement(name, found),
        "properties": list(property_statements(name, found)),
        "limit": int(found["limit"]),
        "comment": plain(str(found["comment"] or ""), 2000),
    }


def create_statement(name: str, found: Mapping[str, Any]) -> str:
    """Return the statement that makes an empty database `name` with owner, encoding and locale of the one that `found` tells of.

    Nobody but superusers gets in until it is in use.
    """
    parts = [
        f"CREATE DATABASE {identifier(name)} TEMPLATE template0 OWNER {identifier(str(found['owner']))}",
        f"ENCODING {literal(str(found['encoding']))} LC_COLLATE {literal(str(found['collate']))}",
        f"LC_CTYPE {literal(str(found['ctype']))}",
    ]
    locale = literal(str(found.get("locale") or ""))
    if found.get("provider") == "i":
        parts.append(f"LOCALE_PROVIDER icu ICU_LOCALE {locale}")
        if found.get("rules"):
            parts.append(f"ICU_RULES {literal(str(found['rules']))}")
    elif found.get("provider") == "b":
        parts.append(f"LOCALE_PROVIDER builtin BUILTIN_LOCALE {locale}")
    return " ".join([*parts, "CONNECTION LIMIT 0"])


def property_statements(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the statements that give `name` the settings and the rights of the database that `found` tells of."""
    statements = []
    for role, settings in found.get("settings") or ():
        who = f"ROLE {identifier(role)} IN DATABASE {identifier(name)}" if role else f"DATABASE {identifier(name)}"
        for setting in settings:
            key, _, value = str(setting).partition("=")
            if key != _CLOSED:
                statements.append(f"ALTER {who} SET {identifier(key)} TO {_value(key, value)};")
    if found.get("grants") is not None:
        statements.append(f"REVOKE ALL ON DATABASE {identifier(name)} FROM PUBLIC;")
    for role, privilege, is_grantable in found.get("grants") or ():
        if privilege in ("CONNECT", "TEMPORARY", "CREATE"):
            to = identifier(role) if role else "PUBLIC"
            option = " WITH GRANT OPTION" if is_grantable else ""
            statements.append(f"GRANT {privilege} ON DATABASE {identifier(name)} TO {to}{option};")
    return tuple(statements)


def _value(key: str, value: str) -> str:
    if key not in _LISTS:
        return literal(value)
    return ", ".join(literal(part.strip().strip('"').replace('""', '"')) for part in value.split(",")) or "''"
