"""The servers' programs where the service account cannot run them in place."""

import os
from pathlib import Path

from ppsconsole.lab.account import install, remove_tree


def test_programs_are_linked_where_that_can_be_and_copied_where_their_mode_is_private(tmp_path: Path) -> None:
    source = tmp_path / "site"
    (source / "pg" / "bin").mkdir(parents=True)
    (source / "pg" / "include").mkdir()
    (source / "pg" / "include" / "c.h").write_text("unused")
    (source / "pg" / "bin" / "postgres").write_text("open")
    (source / "pg" / "bin" / "postgres").chmod(0o755)
    (source / "pg" / "bin" / "initdb").write_text("private")
    (source / "pg" / "bin" / "initdb").chmod(0o700)
    (source / "pg" / "bin" / "pg").symlink_to("postgres")
    (source / "pg" / "bin").chmod(0o700)
    target = tmp_path / "copy"
    install(source, ("pg", "libs-that-only-some-wheels-have"), target)
    copied = target / "pg" / "bin"
    assert (copied / "postgres").samefile(source / "pg" / "bin" / "postgres")
    assert not (copied / "initdb").samefile(source / "pg" / "bin" / "initdb")
    assert {name: (copied / name).stat().st_mode & 0o777 for name in ("postgres", "initdb", ".")} == {
        "postgres": 0o755,
        "initdb": 0o755,
        ".": 0o755,
    }
    assert os.readlink(copied / "pg") == "postgres"
    assert not (target / "pg" / "include").exists()
    remove_tree(target)
    assert (source / "pg" / "bin" / "postgres").read_text() == "open"
    assert (source / "pg" / "bin" / "initdb").stat().st_mode & 0o777 == 0o700
