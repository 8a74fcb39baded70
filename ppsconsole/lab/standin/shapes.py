"""The JSON of the REST interface, with the field names of the real product.

Names and examples are from public descriptions of it: the OpenAPI document in theochita/go-pleasant-password (8.0.8), the
models of marevers/pleasant-cli, and the findings of pottom/harmos (9.1.11).
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ppsconsole.lab.standin.store import Entry, Folder, NewEntry

Json = dict[str, Any]

_COMMENT_PROMPTS = {
    f"AskForCommentOn{act}": False
    for act in ("ViewPassword", "ViewOffline", "ModifyEntries", "MoveEntries", "MoveFolders", "ModifyFolders")
}


class BadRequest(Exception):
    """What the client sent is not what this request takes; the text says why."""


@dataclass(frozen=True, slots=True)
class Tree:
    """All folders, by their place.

    Attributes:
        root: The one folder without a parent.
    """

    root: Folder
    by_id: Mapping[UUID, Folder]
    children: Mapping[UUID, Sequence[Folder]]

    @classmethod
    def of(cls, folders: Sequence[Folder]) -> "Tree":
        """Return the tree that `folders` make; the schema keeps it to one root."""
        children: dict[UUID, list[Folder]] = {}
        for folder in folders:
            if folder.parent_id is not None:
                children.setdefault(folder.parent_id, []).append(folder)
        root = next(folder for folder in folders if folder.parent_id is None)
        return cls(root, {folder.id: folder for folder in folders}, children)

    def below(self, folder: Folder) -> list[Folder]:
        """Return `folder` and everything under it."""
        found = [folder]
        for each in found:
            found.extend(self.children.get(each.id, ()))
        return found

    def path(self, folder_id: UUID) -> str:
        """Return the path of a folder, `Root/Servers/`: pleasant-cli appends an entry's name to it and compares."""
        names: list[str] = []
        at: Folder | None = self.by_id.get(folder_id)
        while at is not None:
            names.append(at.name)
            at = self.by_id.get(at.parent_id) if at.parent_id else None
        return "/".join(reversed(names)) + "/"


def folder_json(tree: Tree, folder: Folder, entries: Sequence[Entry]) -> Json:
    """Return `folder` with all that is under it; `entries` are those of the whole branch."""
    by_folder: dict[UUID, list[Entry]] = {}
    for entry in entries:
        by_folder.setdefault(entry.folder_id, []).append(entry)
    made: dict[UUID, Json] = {}
    for each in reversed(tree.below(folder)):  # children before their parents, and no recursion to run out of
        made[each.id] = _one_folder(
            each, [made[child.id] for child in tree.children.get(each.id, ())], by_folder.get(each.id, ())
        )
    return made[folder.id]


def entry_json(entry: Entry) -> Json:
    """Return one entry; its password is not part of it."""
    return {
        "CustomUserFields": dict(entry.user_fields),
        "CustomApplicationFields": dict(entry.application_fields),
        "Attachments": [],
        "Tags": [{"Name": tag} for tag in entry.tags],
        "HasModifyEntriesAccess": True,
        "HasViewEntryContentsAccess": True,
        "HasViewEntryPasswordAccess": True,
        "HasViewTOTPAccess": True,
        "HasModifyTOTPAccess": True,
        "CommentPrompts": _COMMENT_PROMPTS,
        "Id": str(entry.id),
        "Name": entry.name,
        "Username": entry.username,
        "Url": entry.url,
        "Notes": entry.notes,
        "GroupId": str(entry.folder_id),
        "Created": _time(entry.created),
        "Modified": _time(entry.modified),
        "Expires": entry.expires,
        "TOTPDigits": 6,
        "TOTPPeriod": 30,
    }


def search_json(tree: Tree, folders: Sequence[Folder], entries: Sequence[Entry]) -> Json:
    """Return the result of a search."""
    return {
        "Credentials": [
            {
                "Id": str(entry.id),
                "Name": entry.name,
                "Username": entry.username,
                "Url": entry.url,
                "Notes": entry.notes,
                "GroupId": str(entry.folder_id),
                "Path": tree.path(entry.folder_id),
            }
            for entry in entries
        ],
        "Groups": [{"Id": str(folder.id), "Name": folder.name, "FullPath": tree.path(folder.id)} for folder in folders],
    }


def server_info_json(version: str, port: int) -> Json:
    """Return `GetServerInfo`. The real one lists adapters and addresses too; this one has nothing of that to show."""
    return {
        "ServerVersion": version,
        "NetVersion": f"PPS stand-in on Python {platform.python_version()}",
        "OsVersion": platform.platform(terse=True),
        "PortSettings": f"HTTPS: {port}",
        "DnsInformation": "",
        "Ping": "",
    }


def new_entry(body: object) -> NewEntry:
    """Return the entry that a client asks to create.

    Raises:
        BadRequest: When a field is missing or of the wrong kind.
    """
    fields = _Fields.of(body)
    return NewEntry(
        folder_id=fields.identity("GroupId"),
        name=fields.name(),
        username=fields.text("Username"),
        url=fields.text("Url"),
        notes=fields.text("Notes"),
        password=fields.text("Password"),
        user_fields=fields.mapping("CustomUserFields"),
        application_fields=fields.mapping("CustomApplicationFields"),
        tags=fields.tags(),
        expires=fields.text("Expires") or None,
    )


def new_folder(body: object) -> tuple[UUID | None, str, str]:
    """Return parent (None: the root), name and notes of the folder that a client asks to create.

    Raises:
        BadRequest: When a field is missing or of the wrong kind.
    """
    fields = _Fields.of(body)
    parent_id = fields.identity("ParentId") if fields.values.get("parentid") else None
    return parent_id, fields.name(), fields.text("Notes")


def search_text(body: object) -> str:
    """Return what a client searches for.

    Raises:
        BadRequest: When it is missing.
    """
    text = _Fields.of(body).text("Search")
    if not text:
        raise BadRequest("Search is missing")
    return text


def identity(text: str) -> UUID:
    """Return the id that stands in a path.

    Raises:
        BadRequest: When it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise BadRequest("The id is not a GUID") from None


@dataclass(frozen=True, slots=True)
class _Fields:
    """A JSON object sent by a client, by lower-cased name: the real server does not mind the case."""

    values: Mapping[str, Any]

    @classmethod
    def of(cls, body: object) -> "_Fields":
        if not isinstance(body, dict):
            raise BadRequest("A JSON object was expected")
        return cls({str(key).lower(): value for key, value in body.items()})

    def text(self, name: str) -> str:
        value = self.values.get(name.lower())
        if value is None:
            return ""
        if not isinstance(value, str) or "\0" in value:
            raise BadRequest(f"{name} is not a text")
        return value

    def name(self) -> str:
        name = self.text("Name")
        if not name:
            raise BadRequest("Name is missing")
        return name

    def identity(self, name: str) -> UUID:
        return identity(self.text(name))

    def mapping(self, name: str) -> Mapping[str, Any]:
        value = self.values.get(name.lower()) or {}
        if not isinstance(value, dict):
            raise BadRequest(f"{name} is not an object")
        return value

    def tags(self) -> tuple[str, ...]:
        value = self.values.get("tags") or []
        if not isinstance(value, list):
            raise BadRequest("Tags is not a list")
        return tuple(_Fields.of(tag).text("Name") for tag in value)


def _one_folder(folder: Folder, children: list[Json], entries: Sequence[Entry]) -> Json:
    return {
        "CustomUserFields": {},
        "CustomApplicationFields": {},
        "Children": children,
        "Credentials": [entry_json(entry) for entry in entries],
        "Tags": [],
        "HasModifyEntriesAccess": True,
        "HasViewEntryContentsAccess": True,
        "CommentPrompts": _COMMENT_PROMPTS,
        "Id": str(folder.id),
        "Name": folder.name,
        "ParentId": str(folder.parent_id) if folder.parent_id else None,
        "Notes": folder.notes,
        "Created": _time(folder.created),
        "Modified": _time(folder.modified),
        "Expires": None,
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
