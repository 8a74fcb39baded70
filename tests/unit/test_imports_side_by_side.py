"""What threads load at the same time is loaded whole by each of them: the console loads while it begins to look."""

import subprocess
import sys

_PROGRAM = """
import importlib, sys, threading, time
from importlib.machinery import PathFinder

SECOND, failures = "ppsconsole.drivers.postgres_connect", []


def load(name):
    try:
        importlib.import_module(name)
    except BaseException as error:
        failures.append(f"{name}: {error!r}")


second = threading.Thread(target=load, args=(SECOND,), daemon=True)


def waits_for():
    "Return the modules whose loading the second thread waits for; half loaded ones must never be passed by."
    locks = importlib._bootstrap._blocking_on.get(second.ident)
    locks = locks if isinstance(locks, list) else [locks]
    return [lock.name for lock in locks if lock is not None and lock.name.startswith("sqlalchemy")]


class Pause:
    "In the middle of SQLAlchemy's own loading the second thread begins, and comes to where it has to wait."

    def find_spec(self, name, path=None, target=None):
        if name != "sqlalchemy.util":
            return None
        spec = PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def later(module):
            second.start()
            ends = time.monotonic() + 60
            while not (found := waits_for()) and time.monotonic() < ends:
                time.sleep(0.01)
            print(found)
            run(module)

        spec.loader.exec_module = later
        return spec


sys.meta_path.insert(0, Pause())
first = threading.Thread(target=load, args=("sqlalchemy",), daemon=True)
first.start()
first.join(60)
second.join(60)
print(failures, first.is_alive(), second.is_alive(), SECOND in sys.modules)
"""


def test_the_database_driver_and_the_journal_load_sqlalchemy_at_the_same_time() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=180, check=False)
    assert done.stdout.splitlines() == ["['sqlalchemy']", "[] False False True"], done.stdout + done.stderr
