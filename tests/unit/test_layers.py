"""Headless packages stay headless, and the console stays light until its first frame: seen in fresh interpreters."""

import subprocess
import sys

import pytest

HEADLESS = ["advice", "cli.main", "cli.status", "cluster.snapshot", "draw.status", "drivers", "inventory.load", "probes.monitor"]
HEAVY = ["asyncssh", "psycopg", "sqlalchemy", "cryptography", "aiohttp", "pyodbc"]


def loaded_after(statement: str, names: list[str]) -> list[str]:
    """Return which of `names` are in sys.modules after `statement` in an interpreter of its own."""
    code = f"{statement}\nimport sys\nprint(*[name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()


@pytest.mark.parametrize("module", HEADLESS)
def test_headless_packages_never_load_textual(module: str) -> None:
    assert loaded_after(f"import ppsconsole.{module}", ["textual", "rich"]) == []


@pytest.mark.parametrize("module", ["cli.main", "cli.status", "probes.monitor"])
def test_nothing_heavy_is_loaded_before_it_is_needed(module: str) -> None:
    assert loaded_after(f"import ppsconsole.{module}", HEAVY) == []


def test_every_module_says_what_it_is_for(root) -> None:
    import ast

    silent = [str(path) for path in (root / "ppsconsole").rglob("*.py") if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []
