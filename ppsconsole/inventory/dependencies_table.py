"""The keys of the inventory file for what a cluster depends on beside its nodes; see `table`."""

from ppsconsole.inventory.dependencies import Backup, Directory, Notification, Scratch
from ppsconsole.inventory.kinds import Address, Choice, LocalFile, Ref, Secret, Text
from ppsconsole.inventory.measures import PORT, Whole, duration
from ppsconsole.inventory.shapes import Field, Listing, Record

DIRECTORY = Record(
    "directory",
    Directory,
    [
        Field("kind", Choice("active-directory", "ldap"), "What it is."),
        Field("address", Address(), "The domain or a server of it; a domain lets the connection move."),
        Field("port", PORT, "636 for LDAP over TLS."),
        Field("ca", LocalFile(), "PEM file that signs its certificate; left out, the system's authorities."),
        Field("account", Text(), "Account for a trial lookup; left out, only the connection is tried."),
        Field("password", Secret(), "Where the password of `account` is found."),
    ],
    about="An AD or LDAP service that users are looked up in.",
)

SCRATCH = Record(
    "scratch",
    Scratch,
    [
        Field("host", Ref("hosts"), "The host that it runs on; it has the programs of PostgreSQL."),
        Field("path", Text(), "Folder on it, not a database's: a server of its own is made in it, and removed again."),
        Field("bin_directory", Text(), "Where initdb and pg_restore are; left out, those of the instance there, else the PATH."),
    ],
    about="Where a backup is restored to see that it can be.",
)

BACKUP = Record(
    "backup",
    Backup,
    [
        Field("path", Text(), "Folder with the backups, on `host` or on the console's machine."),
        Field("host", Ref("hosts"), "Where `path` is; left out, the machine of the console."),
        Field("encryption_key", Secret(), "The age key that `run backup` encrypts for and a restore needs; it is never shown."),
        Field("oldest_s", duration(60, 10 * 366 * 86400.0), "The newest backup may be this old."),
        Field("keep", Whole(1, 100_000), "How many bundles stay; older ones are set aside, and deleted by `backup prune` only."),
        Field("source", Ref("instances"), "The instance that is dumped; left out, the primary, or a standby without one."),
        Field("scratch", SCRATCH, "Where `run backup-verify` restores to see that it can; left out, it cannot be verified."),
    ],
    about="A place where backups of the database and its keys are kept.",
)

NOTIFICATION = Record(
    "notification",
    Notification,
    [
        Field("kind", Choice("mail", "command"), "How people are told."),
        Field("to", Listing(Text(), may_be_one=True), "Who is told; needed for mail."),
        Field("server", Address(), "Mail server; needed for mail."),
        Field("port", PORT, "Port of the mail server."),
        Field("sender", Text(), "Address that the mail comes from."),
        Field("program", Text(), "For `command`: program on the console's machine."),
        Field("password", Secret(), "Where the password of the mail account is found."),
    ],
    about="Who is told, and how.",
)
