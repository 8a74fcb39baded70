"""The stand-in against a real PostgreSQL: its REST interface, and what it does when the database is not what it should be."""

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab.conftest import LIMIT_S
from tests.lab.postgres_server import PASSWORD, PostgresServer, running_postgres, shared_folder
from tests.lab.standin_node import ADMIN_PASSWORD, StandinNode, running_standin


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with shared_folder() as made:
        yield made


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[PostgresServer]:
    with running_postgres(folder / "db1") as server:
        yield server


@pytest.fixture(scope="module")
def node(folder: Path, database: PostgresServer) -> Iterator[StandinNode]:
    with running_standin(folder / "web1", database) as started:
        started.wait_for(200)  # it listens before it has its tables
        yield started


@pytest.fixture
def token(node: StandinNode) -> str:
    return node.token()


def make_entry(node: StandinNode, token: str, **fields: object) -> str:
    root = node.ask("GET", "/api/v5/rest/folders/root", token=token).json
    answer = node.ask("POST", "/api/v5/rest/entries", token=token, body={"GroupId": root, "Name": "an entry"} | fields)
    assert answer.status == 200, answer
    return str(answer.json)


def test_the_right_password_gets_a_token(node: StandinNode) -> None:
    answer = node.ask("POST", "/OAuth2/Token", form={"grant_type": "password", "username": "admin", "password": ADMIN_PASSWORD})
    assert answer.status == 200
    assert answer.json["token_type"] == "bearer"
    assert answer.json["expires_in"] == 3900
    assert node.ask("GET", "/api/v5/rest/folders/root", token=answer.json["access_token"]).status == 200


def test_a_form_that_is_called_json_is_taken_as_pleasant_cli_sends_it(node: StandinNode) -> None:
    form = {"grant_type": "password", "username": "admin", "password": ADMIN_PASSWORD}
    answer = node.ask("POST", "/oauth2/token", form=form, **{"Content-Type": "application/json; charset=UTF-8"})
    assert answer.status == 200


@pytest.mark.parametrize("user", ["admin", "nobody-known"])
def test_a_wrong_password_is_400_with_a_reason(node: StandinNode, user: str) -> None:
    answer = node.ask("POST", "/OAuth2/Token", form={"grant_type": "password", "username": user, "password": "wrong-guess"})
    assert answer.status == 400
    assert answer.json == {"error": "invalid_grant", "error_description": "The username or password is incorrect."}
    assert "wrong-guess" not in node.log


def test_another_grant_is_refused(node: StandinNode) -> None:
    answer = node.ask("POST", "/OAuth2/Token", form={"grant_type": "client_credentials"})
    assert (answer.status, answer.json["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer forged.token", "Basic YWRtaW46YWRtaW4="])
def test_without_a_valid_token_everything_is_401(node: StandinNode, authorization: str) -> None:
    for method, path in [
        ("GET", "/api/v5/rest/GetServerInfo"),
        ("GET", "/api/v5/rest/folders/root"),
        ("GET", "/api/v4/rest/credentialgroup/root"),
        ("POST", "/api/v6/rest/entries"),
    ]:
        answer = node.ask(method, path, Authorization=authorization)
        assert answer.status == 401, path
        assert answer.json["Message"] == "Authorization has been denied for this request."


def test_a_token_is_taken_bare_too(node: StandinNode, token: str) -> None:
    assert node.ask("GET", "/api/v6/rest/getserverinfo", Authorization=token).status == 200


@pytest.mark.parametrize("path", ["/api/v5/rest/GetServerInfo", "/api/v6/rest/getserverinfo", "/API/V7/REST/GETSERVERINFO/"])
def test_server_info_has_the_public_names(node: StandinNode, token: str, path: str) -> None:
    info = node.ask("GET", path, token=token).json
    assert info["ServerVersion"] == "9.1.11.0"
    assert {"NetVersion", "OsVersion", "PortSettings", "DnsInformation"} < info.keys()
    assert "stand-in" in info["NetVersion"]


def test_an_entry_is_created_and_read_back(node: StandinNode, token: str, database: PostgresServer) -> None:
    sent = {
        "Name": "router",
        "Username": "operator",
        "Password": "s3cret-of-the-router",
        "Url": "https://router.lab",
        "Notes": "ünïcode",
        "Tags": [{"Name": "network"}],
        "CustomUserFields": {"rack": "7"},
        "Expires": None,
    }
    entry_id = make_entry(node, token, **sent)
    entry = node.ask("GET", f"/api/v5/rest/entries/{entry_id}", token=token).json
    assert {key: entry[key] for key in sent if key != "Password"} == {key: sent[key] for key in sent if key != "Password"}
    assert entry["Id"] == entry_id
    assert "Password" not in entry
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["Created"])
    assert node.ask("GET", f"/api/v5/rest/entries/{entry_id}/password", token=token).json == "s3cret-of-the-router"
    rows = database.execute(f"SELECT password_encrypted FROM credentials WHERE id = '{entry_id}'")
    assert "s3cret" not in str(rows)


@pytest.mark.parametrize(
    ("folders", "entries"), [("v4/rest/credentialgroup", "v4/rest/credential"), ("v6/rest/folders", "v7/rest/entries")]
)
def test_older_and_newer_versions_read_the_same(node: StandinNode, token: str, folders: str, entries: str) -> None:
    entry_id = make_entry(node, token, Name="seen by all versions")
    root = node.ask("GET", f"/api/{folders}/root", token=token).json
    folder = node.ask("GET", f"/api/{folders}//{root}", token=token).json
    assert entry_id in [each["Id"] for each in folder["Credentials"]]
    assert node.ask("GET", f"/api/{entries}/{entry_id}", token=token).json["GroupId"] == root
    assert entry_id in [each["Id"] for each in node.ask("GET", f"/api/{entries}", token=token).json]


def test_folders_nest_and_search_gives_their_paths(node: StandinNode, token: str) -> None:
    outer = node.ask("POST", "/api/v5/rest/folders", token=token, body={"Name": "Servers"}).json
    inner = node.ask("POST", "/api/v5/rest/folders", token=token, body={"Name": "Rack 100%", "ParentId": outer}).json
    entry_id = make_entry(node, token, GroupId=inner, Name="switch-1")
    tree = node.ask("GET", f"/api/v6/rest/folders/{outer}", token=token).json
    assert [(each["Id"], each["ParentId"]) for each in tree["Children"]] == [(inner, outer)]
    assert [each["Id"] for each in tree["Children"][0]["Credentials"]] == [entry_id]
    everything = node.ask("GET", "/api/v6/rest/folders", token=token).json
    assert outer in [each["Id"] for each in everything["Children"]]
    found = node.ask("POST", "/api/v5/rest/search", token=token, body={"Search": "SWITCH-1"}).json
    assert [(each["Id"], each["Path"]) for each in found["Credentials"]] == [(entry_id, "Root/Servers/Rack 100%/")]
    found = node.ask("POST", "/api/v5/rest/search", token=token, body={"search": "100%"}).json
    assert [(each["Id"], each["FullPath"]) for each in found["Groups"]] == [(inner, "Root/Servers/Rack 100%/")]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v5/rest/entries/not-a-guid", None, 400),
        ("GET", "/api/v5/rest/entries/00000000-0000-0000-0000-000000000000", None, 404),
        ("GET", "/api/v5/rest/entries/00000000-0000-0000-0000-000000000000/password", None, 404),
        ("GET", "/api/v5/rest/folders/00000000-0000-0000-0000-000000000000", None, 404),
        ("POST", "/api/v5/rest/entries", {"GroupId": "00000000-0000-0000-0000-000000000000", "Name": "x"}, 404),
        ("POST", "/api/v5/rest/folders", {"ParentId": "00000000-0000-0000-0000-000000000000", "Name": "x"}, 404),
        ("POST", "/api/v5/rest/entries", {"Name": "no folder"}, 400),
        ("POST", "/api/v5/rest/entries", ["not", "an", "object"], 400),
        ("POST", "/api/v5/rest/folders", {"Name": "zero \0 byte"}, 400),
        ("POST", "/api/v5/rest/search", {}, 400),
        ("DELETE", "/api/v5/rest/entries", None, 405),
        ("GET", "/api/v3/rest/entries", None, 404),
        ("GET", "/framework/cron", None, 404),
    ],
)
def test_what_it_cannot_do_is_a_4xx_in_json(
    node: StandinNode, token: str, method: str, path: str, body: object, status: int
) -> None:
    answer = node.ask(method, path, token=token, body=body)
    assert answer.status == status
    assert answer.json.get("error_message") or answer.json.get("Message")


def test_pages_say_that_they_are_of_a_stand_in(node: StandinNode) -> None:
    for path in ("/", "/version"):
        answer = node.ask("GET", path)
        assert answer.status == 200
        assert answer.headers["Server"] == "PPS stand-in"
        assert "stand-in" in answer.text
        assert "9.1.11.0" in answer.text
    assert node.ask("HEAD", "/").status == 200


def test_the_database_sees_the_node_by_name(node: StandinNode, database: PostgresServer) -> None:
    assert node.ask("GET", "/").status == 200
    assert database.execute("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'pps:web1'") == [(True,)]


def test_sign_ins_and_fetched_passwords_are_audited(node: StandinNode, token: str, database: PostgresServer) -> None:
    entry_id = make_entry(node, token, Password="x")
    node.ask("GET", f"/api/v5/rest/entries/{entry_id}/password", token=token)
    events = {event for (event,) in database.execute("SELECT event FROM audit")}
    assert {"Session Log On", "Entry Created", "Password Fetched"} <= events


def test_a_stopped_database_is_a_5xx_page_and_its_return_is_noticed(
    node: StandinNode, token: str, database: PostgresServer
) -> None:
    entry_id = make_entry(node, token, Name="older than the outage")
    database.stop()
    try:
        for path in ("/", "/api/v5/rest/folders/root", f"/api/v5/rest/entries/{entry_id}", "/api/v5/rest/GetServerInfo"):
            answer = node.ask("GET", path, token=token)
            assert answer.status == 503, path
            assert "stand-in" in answer.text
            assert answer.headers["Content-Type"].startswith("text/html")
        form = {"grant_type": "password", "username": "admin", "password": ADMIN_PASSWORD}
        assert node.ask("POST", "/OAuth2/Token", form=form).status == 503
        assert node.ask("GET", "/version").status == 200
        assert node.ask("GET", "/api/v5/rest/folders/root").status == 401
    finally:
        database.start()
    node.wait_for(200)
    assert node.ask("GET", f"/api/v5/rest/entries/{entry_id}", token=token).json["Name"] == "older than the outage"


def test_a_frozen_database_is_a_503_within_the_deadline(node: StandinNode, token: str, database: PostgresServer) -> None:
    assert node.ask("GET", "/").status == 200
    database.freeze(True)
    try:
        with ThreadPoolExecutor(8) as threads:  # more requests than connections
            answers = list(threads.map(lambda _: node.ask("GET", "/api/v5/rest/folders/root", token=token), range(8)))
        assert {answer.status for answer in answers} == {503}
    finally:
        database.freeze(False)
    node.wait_for(200)


def test_a_hung_request_does_not_hold_up_a_stop(folder: Path, database: PostgresServer) -> None:
    with running_standin(folder / "web9", database, address="127.0.0.19", name="web9") as node:
        token = node.token()
        database.freeze(True)
        try:
            with ThreadPoolExecutor(1) as threads:
                waiting = threads.submit(node.ask, "GET", "/api/v5/rest/entries", token=token)
                assert node.wait_for(200, path="/version").status == 200
                assert node.stop() == 0
                assert waiting.exception(LIMIT_S) is not None or waiting.result().status == 503
        finally:
            database.freeze(False)
    assert "ERROR" not in node.log


def test_it_starts_fast_without_a_database_and_stops_clean(folder: Path, database: PostgresServer) -> None:
    node = StandinNode(folder / "web3", database, address="127.0.0.13", name="web3")
    database.stop()
    try:
        node.start()
        assert node.process is not None
        assert node.pid_file.read_text() == f"{node.process.pid}\n"
        assert node.ask("GET", "/").status == 503
    finally:
        database.start()
        node.wait_for(200)
        assert node.stop() == 0
    assert not node.pid_file.exists()
    if os.geteuid() == 0:
        assert "database reached" in node.log  # as the user it became: nothing that it needs was out of reach


def test_a_running_request_is_finished_at_a_stop(folder: Path, database: PostgresServer) -> None:
    with running_standin(folder / "web4", database, address="127.0.0.14", name="web4") as node, database.connect() as holder:
        token = node.token()
        holder.autocommit = False
        holder.execute("LOCK TABLE credentials")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(node.ask, "GET", "/api/v5/rest/entries", token=token)
            until = time.monotonic() + LIMIT_S
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pps:web4' AND wait_event_type = 'Lock'"
            while database.execute(blocked) != [(1,)]:
                assert time.monotonic() < until
            assert node.process is not None
            node.process.terminate()
            while "told to stop" not in node.log:
                assert time.monotonic() < until
            holder.rollback()
            assert waiting.result(LIMIT_S).status == 200
        assert node.process.wait(LIMIT_S) == 0  # told once: a second signal may meet an interpreter that is leaving already


def test_a_token_of_one_node_is_valid_at_another_and_a_standby_refuses_writes(
    folder: Path, database: PostgresServer, node: StandinNode, token: str
) -> None:
    entry_id = make_entry(node, token, Name="seen on the standby", Password="fetched-here")
    standby = database.clone(folder / "db2")
    standby.start()
    try:
        with running_standin(folder / "web2", standby, address="127.0.0.12", name="web2") as second:
            answer = second.wait_for(200, path=f"/api/v5/rest/entries/{entry_id}", token=token)
            assert answer.json["Name"] == "seen on the standby"
            body = {"GroupId": answer.json["GroupId"], "Name": "must not be"}
            refused = second.ask("POST", "/api/v5/rest/entries", token=token, body=body)
            assert refused.status == 503
            assert "read-only transaction" in second.log
            standby.promote()
            second.wait_for(200, "POST", "/api/v5/rest/entries", token=token, body=body)
            assert second.ask("GET", f"/api/v5/rest/entries/{entry_id}/password", token=token).json == "fetched-here"
    finally:
        standby.stop()


def test_several_nodes_may_make_the_tables_at_once(folder: Path, database: PostgresServer) -> None:
    # A database of its own: other keys under the module's node would end its tokens whenever it connects anew.
    database.execute("CREATE DATABASE empty OWNER pps")
    nodes = [StandinNode(folder / f"web{n}", database, address=f"127.0.0.{10 + n}", name=f"web{n}") for n in (5, 6)]
    for each in nodes:
        each.point_at(database, dbname="empty")
    starters = [threading.Thread(target=each.start) for each in nodes]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    try:
        token = nodes[0].token()
        roots = {each.ask("GET", "/api/v5/rest/folders/root", token=token).json for each in nodes}
        assert len(roots) == 1
    finally:
        for each in nodes:
            each.stop()


def test_a_setting_is_read_at_start_only(folder: Path, database: PostgresServer) -> None:
    with running_standin(folder / "web7", database, address="127.0.0.17", name="web7") as node:
        node.wait_for(200)
        elsewhere = PostgresServer(folder / "nowhere")
        node.point_at(elsewhere)
        assert node.ask("GET", "/").status == 200
        node.stop()
        node.start()
        assert node.ask("GET", "/").status == 503


def test_a_taken_port_and_a_broken_setting_are_refusals(folder: Path, database: PostgresServer) -> None:
    node = StandinNode(folder / "web8", database, address="127.0.0.18", name="web8")
    with socket.create_server((node.address, node.port)), pytest.raises(AssertionError, match="Address already in use"):
        node.start()
    (node.folder / "connection.json").write_text('{"host": "db1"}')
    with pytest.raises(AssertionError, match=r"connection\.json: 'port' is missing"):
        node.start()


def test_no_secret_is_in_any_log(folder: Path, node: StandinNode, token: str) -> None:
    make_entry(node, token, Password="entry-secret-never-logged")
    logs = [path.read_text() for path in folder.glob("web*/standin.log")]
    assert len(logs) > 1
    for secret in (PASSWORD, ADMIN_PASSWORD, token, "entry-secret-never-logged"):
        assert not any(secret in log for log in logs)
