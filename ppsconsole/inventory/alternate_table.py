"""The keys of an alternate server in the inventory file."""

from ppsconsole.inventory.alternate import Alternate, AlternateDatabase
from ppsconsole.inventory.kinds import Address, LocalFile, Ref, Secret, Text, Url
from ppsconsole.inventory.measures import Whole, duration
from ppsconsole.inventory.shapes import Field, Listing, Record


def alternate_record(service: Record) -> Record:
    """Return the record of an alternate server; `service` is that of what starts and stops a program."""
    database = Record(
        "alternate database",
        AlternateDatabase,
        [
            Field("database", Text(), "The database that its PPS is set to; an activation puts the copy in its place."),
            Field(
                "maintenance",
                Text(),
                "How psql and pg_restore on its host log in: `host=... port=... user=... passfile=...`, never a password.",
            ),
            Field("owner", Text(), "The role that its PPS logs in with; roles do not travel with a database."),
            Field("host", Ref("hosts"), "The host that it runs on; left out, that of the alternate server."),
            Field("port", Whole(1, 65535), "Its port; no instance of the database group may be there."),
            Field("data_directory", Text(), "As on the host; it may not be that of an instance of the database group."),
            Field("bin_directory", Text(), "Where psql, pg_restore and the like are; left out, the PATH decides."),
            Field("service", service, "What starts and stops it; left out, only its answers tell whether it runs."),
        ],
        about="The database server of an alternate server: never an instance of the database group.",
    )
    several = Listing(Text(), may_be_one=True)
    return Record(
        "alternate server",
        Alternate,
        [
            Field("host", Ref("hosts"), "The host that it runs on, which carries no web node and no instance."),
            Field("url", Url(), "Where it answers once it is activated."),
            Field("service", service, "What starts and stops its PPS; stopped and disabled until it is activated."),
            Field("database", database, "Its own database server."),
            Field("archive", Ref("backups"), "The place whose backups are put into it."),
            Field("ca", LocalFile(), "PEM file for `url`; left out, the system's authorities."),
            Field("server_name", Address(), "Name that its certificate must cover; left out, the host part of `url`."),
            Field("address", Url(), "What users type for it; left out, `url`."),
            Field("moves_alias", Address(), "The name in `cluster.address` that is moved to it: users have nothing to change."),
            Field("account", Text(), "Local account for the login check, as in the backups; left out, `not checked`."),
            Field("account_password", Secret(), "Where the password of `account` is found."),
            Field("log", several, "Files on the host that it logs to; left out, a systemd service's journal is read."),
            Field("key_files", several, "Files on the host that it cannot read its data without; those of the web nodes."),
            Field("connection", Text(), "Program on the host: `get` prints what its PPS is set to; left out: not compared."),
            Field("certificate", Text(), "PEM file on the host with its certificate, which nobody sees while it is stopped."),
            Field("same_files", several, "Files that have to be as on the web nodes, at the same path there."),
            Field("oldest_s", duration(60, 10 * 366 * 86400.0), "The copy that it holds may be this old."),
        ],
        about="A PPS of its own that holds an archival copy, stopped until the cluster is lost.",
    )
