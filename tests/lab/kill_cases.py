"""Every runbook in the situations in which its consoles are killed: the one table of them."""

from tests.lab.kill_case import Case
from tests.lab.kill_cases_alternate import AlternateActivate, AlternateHome, AlternatePrepare
from tests.lab.kill_cases_copies import Backup, BackupPrune, BackupVerify, Restore
from tests.lab.kill_cases_home import LostWrites, QuarantineDelete, RejoinFollow, RejoinReClone, RejoinRewind
from tests.lab.kill_cases_roles import (
    BootGuard,
    BootGuardRemove,
    Failover,
    Fence,
    RestartBalancer,
    RestartDatabase,
    RestartWeb,
    Switchover,
)

CASES: dict[str, type[Case]] = {
    case.name: case
    for case in (
        RestartDatabase,
        RestartWeb,
        RestartBalancer,
        BootGuard,
        BootGuardRemove,
        QuarantineDelete,
        Backup,
        BackupVerify,
        BackupPrune,
        LostWrites,
        Fence,
        RejoinFollow,
        RejoinRewind,
        RejoinReClone,
        Switchover,
        Failover,
        Restore,
        AlternatePrepare,
        AlternateActivate,
        AlternateHome,
    )
}
