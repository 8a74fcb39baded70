"""What does not travel with a database: account, connection setting, certificate and files of a PPS, asked on its own host.

It is asked where an alternate server is declared, of that and of the web nodes: it has to do what they do. No content of a file
leaves a host but the first certificate in the one that is declared to hold it, which every client gets to see anyway.
"""

import base64
import binascii
import re
import shlex
from functools import partial

from ppsconsole.cluster.facts import node_subject
from ppsconsole.drivers.base import CommandResult
from ppsconsole.drivers.certificates import of_der
from ppsconsole.inventory.alternate import Alternate
from ppsconsole.inventory.model import Inventory, WebNode
from ppsconsole.masking import plain
from ppsconsole.probes.host import Part
from ppsconsole.probes.keys import files_part

ACCOUNT = ("service_account",)
CONNECTION = ("own_connection",)
CERTIFICATE = ("certificate_file_ends_at", "certificate_file_names")
SAME_FILES = "same_files"
NAMES = (*ACCOUNT, *CONNECTION, *CERTIFICATE, SAME_FILES)

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_ACCOUNT = re.compile(r"[A-Za-z0-9_.$@\\-]{1,64}")
_TOLD = ("host", "port", "dbname", "user")
"""What is kept of a connection setting; never whatever else a program prints."""


def compared_parts(inventory: Inventory, web_node: WebNode) -> tuple[Part | None, ...]:
    """Return what a web node is asked because an alternate server has to be like it; nothing where none is declared."""
    if not inventory.alternates:
        return ()
    every_s = inventory.polling.slow_every_s
    return (_account_part(web_node, every_s), _same_files_part(inventory, web_node.name, every_s))


def own_parts(inventory: Inventory, alternate: Alternate) -> tuple[Part | None, ...]:
    """Return what an alternate server is asked about its own host."""
    every_s = inventory.polling.slow_every_s
    return (
        _account_part(alternate.as_web_node(), every_s),
        _connection_part(alternate, every_s),
        _certificate_part(alternate, every_s),
        _same_files_part(inventory, alternate.name, every_s),
    )


def same_files(inventory: Inventory) -> tuple[str, ...]:
    """Return the files that any alternate server has to have as the web nodes have them, each once."""
    return tuple(dict.fromkeys(path for each in inventory.alternates.values() for path in each.same_files))


def _same_files_part(inventory: Inventory, name: str, every_s: float) -> Part | None:
    return files_part(name, SAME_FILES, same_files(inventory), every_s)


def _account_part(web_node: WebNode, every_s: float) -> Part | None:
    """Return the question for the account that its service runs as; None where nothing on the host tells it.

    systemd tells it of a unit, no User= being root. Another service is asked only what its key files tell: whose they are has to
    be who reads them.
    """
    service, command = web_node.service, ""
    if service.kind == "systemd" and service.name is not None:
        command = (
            f"u=$(systemctl show -p User --value -- {shlex.quote(service.name)}) && echo \"${{u:-root}}\" 'User= of the unit'"
        )
    elif web_node.key_files:
        command = f"echo \"$(stat -c %U -- {shlex.quote(web_node.key_files[0])})\" 'owner of its key file'"
    if not command:
        return None
    return Part(f"account.{web_node.name}", node_subject(web_node.name), ACCOUNT, command, every_s, parse_account)


def parse_account(result: CommandResult) -> dict[str, object]:
    """Return the account, with where it was told as the remark.

    Raises:
        ValueError: None was told.
    """
    account, _, source = result.stdout.strip().partition(" ")
    if result.exit_status != 0 or not _ACCOUNT.fullmatch(account):
        raise ValueError("no account was told")
    return {"service_account": account, "detail": plain(source, 80)}


def _connection_part(alternate: Alternate, every_s: float) -> Part | None:
    if alternate.connection is None:
        return None
    command = f"{shlex.quote(alternate.connection)} get"
    return Part(f"own-connection.{alternate.name}", node_subject(alternate.name), CONNECTION, command, every_s, parse_connection)


def parse_connection(result: CommandResult) -> dict[str, object]:
    """Return what the connection setting names, as `host=... port=... dbname=... user=...`.

    Raises:
        ValueError: The program failed, or named no database.
    """
    if result.exit_status != 0:
        raise ValueError("the program failed")
    words = dict(word.split("=", 1) for word in shlex.split(result.stdout) if "=" in word)
    if not words.get("dbname"):
        raise ValueError("the setting names no database")
    return {"own_connection": " ".join(f"{name}={plain(words[name], 80)}" for name in _TOLD if words.get(name))}


def _certificate_part(alternate: Alternate, every_s: float) -> Part | None:
    if alternate.certificate is None:
        return None
    command = f"sed -n '/^{_BEGIN}/,/^{_END}/p; /^{_END}/q' -- {shlex.quote(alternate.certificate)}"
    parse = partial(parse_certificate, alternate.certificate)
    return Part(f"certificate.{alternate.name}", node_subject(alternate.name), CERTIFICATE, command, every_s, parse)


def parse_certificate(path: str, result: CommandResult) -> dict[str, object]:
    """Return end and names of the first certificate in a PEM file.

    Raises:
        ValueError: There is none in it, or it cannot be read.
    """
    text = result.stdout.partition(_BEGIN)[2].partition(_END)[0]
    try:
        ends_at, names = of_der(base64.b64decode("".join(text.split()), validate=True))
    except binascii.Error as error:
        raise ValueError("no certificate") from error
    if ends_at is None:
        raise ValueError("no certificate")
    return {"certificate_file_ends_at": ends_at, "certificate_file_names": names, "detail": plain(path, 160)}
