"""The schema, `show`, and the three commands."""

import dataclasses
import json
import re
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

from ppsconsole.cli.inventory import inventory as group
from ppsconsole.cli.options import Options
from ppsconsole.inventory import model
from ppsconsole.inventory.load import load
from ppsconsole.inventory.schema import schema
from ppsconsole.inventory.shapes import Keyed, Listing, Named, Record
from ppsconsole.inventory.show import resolved, show
from ppsconsole.inventory.table import ROOT
from tests.unit.inventory_texts import SAMPLE, SMALL, changed, parsed, swapped


def records(record):
    yield record
    for each in record.fields.values():
        kind = each.kind
        while isinstance(kind, Named | Listing | Keyed):
            kind = kind.record if isinstance(kind, Named) else kind.item if isinstance(kind, Listing) else kind.values
        if isinstance(kind, Record):
            yield from records(kind)


def test_the_table_has_every_field_of_the_model_and_no_other():
    spent = {"version", "ssh"}
    for record in records(ROOT):
        of_model = {each.name for each in dataclasses.fields(record.model)} - {"name" if record is not_cluster(record) else ""}
        if record is ROOT:
            assert set(record.fields) - spent == of_model - {"path", "digest"}
        else:
            assert set(record.fields) == of_model, record.title


def not_cluster(record):
    """Names come from the mapping's key, but for the cluster's and a service's own."""
    return None if record.model in (model.Cluster, model.Service) else record


def test_every_class_of_the_model_stands_in_the_table():
    in_table = {record.model for record in records(ROOT)}
    in_model = {each for each in vars(model).values() if dataclasses.is_dataclass(each)}
    assert in_model - in_table == {model.SecretRef}


def problems(value, wanted, root):
    """A small judge of the part of JSON schema that is used here."""
    if "$ref" in wanted:
        yield from problems(value, root["$defs"][wanted["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in wanted and all(list(problems(value, each, root)) for each in wanted["anyOf"]):
        yield f"{value!r} fits none"
    if "enum" in wanted and value not in wanted["enum"]:
        yield f"{value!r} not in {wanted['enum']}"
    types = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    if "type" in wanted and (
        not isinstance(value, types[wanted["type"]]) or (isinstance(value, bool) and wanted["type"] != "boolean")
    ):
        yield f"{value!r} is no {wanted['type']}"
        return
    if isinstance(value, str) and not re.search(wanted.get("pattern", ""), value):
        yield f"{value!r} does not match"
    if isinstance(value, int | float) and not wanted.get("minimum", value) <= value <= wanted.get("maximum", value):
        yield f"{value!r} is out of range"
    for each in value if isinstance(value, list) else ():
        yield from problems(each, wanted.get("items", {}), root)
    if isinstance(value, dict) and "type" in wanted:
        yield from (f"{name} is missing" for name in wanted.get("required", ()) if name not in value)
        for key, each in value.items():
            yield from problems(key, wanted.get("propertyNames", {}), root)
            further = wanted.get("properties", {}).get(key, wanted.get("additionalProperties"))
            if further is False:
                yield f"{key} is unknown"
            else:
                yield from problems(each, further, root)


def test_the_schema_takes_what_the_loader_takes():
    wanted = schema()
    for text in (SMALL, SAMPLE.read_text(), swapped(SAMPLE.read_text(), "postgres", "availability-group"), show(load(SAMPLE))):
        assert list(problems(yaml.safe_load(text), wanted, wanted)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: demo", "nam: demo"),
        ("kind: nginx", "kind: ngnix"),
        ("{user: ops}", "{port: 70000}"),
        ("{user: ops}", "{connect_timeout_s: 5x}"),
        ("  database: pps\n", "  database: pps\n  password: hunter2\n"),
        ("  b: {}\n", "  B: {}\n"),
    ],
)
def test_the_schema_refuses_what_one_place_has_wrong(old, new):
    wanted = schema()
    assert list(problems(yaml.safe_load(changed((old, new))), wanted, wanted))


def test_every_key_of_the_schema_is_described():
    wanted = schema()
    assert wanted["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for record in (wanted, *wanted["$defs"].values()):
        assert all(each["description"] for each in record["properties"].values())
    assert wanted["$defs"]["instance"]["properties"]["declared"]["default"] == "standby"
    assert wanted["properties"]["polling"]["anyOf"][0]["properties"]["every_s"]["default"] == 2


@pytest.mark.parametrize("text", [SMALL, SAMPLE.read_text(), swapped(SAMPLE.read_text(), "postgres", "availability-group")])
def test_what_is_shown_loads_to_the_same_again(text):
    first = parsed(text)
    again = parsed(show(first))
    assert again == first


def test_shown_values():
    shown = resolved(load(SAMPLE))
    assert shown["version"] == 1
    assert shown["cluster"]["downtime_objective_s"] == 900
    assert shown["hosts"]["web1"]["via"] == ["bastion-alpha-outer", "bastion-alpha"]
    assert shown["database"]["password"] == f"file:{SAMPLE.parent}/secrets/database-password"
    assert shown["limits"]["lag_bytes"] == {"warn": 2**24, "down": 2**30}


def test_what_looks_like_a_secret_is_masked_when_shown():
    inventory = parsed(SMALL)
    cluster = dataclasses.replace(inventory.cluster, address="https://u:hunter2@x.example.org")
    assert "hunter2" not in show(dataclasses.replace(inventory, cluster=cluster))


def run(*words, path):
    return CliRunner().invoke(group, words, obj=Options(None if path is None else str(path)))


def test_check_says_what_is_in_it():
    result = run("check", path=SAMPLE)
    assert result.exit_code == 0
    counted = "2 sites, 8 hosts, 2 web nodes, 2 database instances, 1 balancer, 2 directories, 2 backups"
    assert result.stdout == f"{SAMPLE}: ok, {counted}\n"


def test_check_prints_ten_mistakes_on_ten_lines_to_stderr(tmp_path):
    path = tmp_path / "inv.yaml"
    path.write_text(SMALL + "polling: {" + ", ".join(f"x{number}: 1" for number in range(10)) + "}\n")
    result = run("check", path=path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 10
    assert all(line.startswith(f"{path}:22:") for line in result.stderr.splitlines())


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_missing_file_is_exit_2(command, tmp_path):
    result = run(command, path=tmp_path / "none.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no such file" in result.stderr


def test_no_inventory_at_all_is_exit_2(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("PPSCONSOLE_INVENTORY", raising=False)
    result = run("check", path=None)
    assert result.exit_code == 2
    assert "no inventory was found" in result.stderr


def test_show_and_schema_print_what_the_functions_return():
    assert run("show", path=SAMPLE).stdout == show(load(str(SAMPLE)))
    assert json.loads(run("show", "--json", path=SAMPLE).stdout) == resolved(load(SAMPLE))
    assert json.loads(run("schema", path=None).stdout) == schema()


def test_importing_the_commands_loads_no_yaml():
    code = "import sys, ppsconsole.cli.inventory; print(sorted({'yaml', 'asyncssh', 'textual'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
