"""The keeper of a lab: `python -m ppsconsole.lab.reaper ORDER`. Parent of the supervisor, and the one who cleans up after it.

However the supervisor ends, SIGKILL included, what it had started becomes this process's children (it is a subreaper), is
ended, and the lab's files go. Should this process be killed instead, the supervisor is told by the kernel and ends in good
order. It imports little, so that it costs next to nothing.
"""

import contextlib
import os
import signal
import sys
import traceback

from ppsconsole.lab.order import Order
from ppsconsole.lab.processes import become_subreaper, die_with_parent, end_tree
from ppsconsole.lab.remains import end_processes, remove_files
from ppsconsole.lab.state import LabState


def main(arguments: list[str]) -> int:
    """Run a lab to its end and return the exit code of its supervisor."""
    order = Order.from_json(arguments[0])
    become_subreaper()
    keeper = os.getpid()
    # Blocked until the number of the supervisor is known, so that no early signal is lost.
    forwarded = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, forwarded)
    supervisor = os.fork()
    if supervisor == 0:
        _supervise(order, keeper)
    for number in forwarded:
        signal.signal(number, lambda received, _frame: _forward(supervisor, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, forwarded)
    # The leash and the report are the supervisor's: held here as well, nobody would see their end.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    _, status = os.waitpid(supervisor, 0)
    end_tree(keeper)
    with contextlib.suppress(Exception):
        left = LabState.read(order.path)
        if left is not None and left.keeper is not None and left.keeper.pid == keeper:
            end_processes(left)
            remove_files(left)
    return abs(os.waitstatus_to_exitcode(status))


def _supervise(order: Order, keeper: int) -> None:
    """Become the supervisor; does not return."""
    code = 1
    try:
        die_with_parent(signal.SIGTERM)
        become_subreaper()
        from ppsconsole.lab.supervisor import supervise

        if os.getppid() == keeper:
            code = supervise(order)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _forward(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
