"""Every verb that a step may name, and the action that does it."""

from collections.abc import Mapping
from typing import Final

from ppsconsole.actions.alternate_home import RestoreHome
from ppsconsole.actions.alternate_home_check import CheckHome
from ppsconsole.actions.alternate_kept import TellKept
from ppsconsole.actions.alternate_service import TellUsers, VerifyAlternate
from ppsconsole.actions.balancer import Drain, MoveMembers
from ppsconsole.actions.base import Action
from ppsconsole.actions.boot_guard import CheckBootGuard, InstallBootGuard, RemoveBootGuard
from ppsconsole.actions.bundle_keep import CountBundles, PruneBundles, RetainBundles
from ppsconsole.actions.bundle_verify import VerifyBundle
from ppsconsole.actions.bundle_write import BackUp
from ppsconsole.actions.check_copy import CheckCopy
from ppsconsole.actions.check_following import CheckFollowing
from ppsconsole.actions.checkpoint import Checkpoint
from ppsconsole.actions.clone import Clone, SwapIn
from ppsconsole.actions.close_database import CloseDatabase
from ppsconsole.actions.compare_databases import CompareDatabases
from ppsconsole.actions.configuration_kept import KeepConfiguration
from ppsconsole.actions.drop_database import DropSetAside
from ppsconsole.actions.dump_database import DumpDatabase, RemoveDump
from ppsconsole.actions.fence import Fence
from ppsconsole.actions.follow import Follow
from ppsconsole.actions.lost_writes import KeepLostWrites
from ppsconsole.actions.promote import Promote
from ppsconsole.actions.promote_snapshot import PromoteSnapshot
from ppsconsole.actions.prove import ProveZeroLoss
from ppsconsole.actions.quarantine import Quarantine
from ppsconsole.actions.repoint import Repoint
from ppsconsole.actions.restart import RestartService
from ppsconsole.actions.restore_copy import RestoreCopy
from ppsconsole.actions.restore_database import RestoreDatabase
from ppsconsole.actions.rewind import Recover, Rewind, TryRewind
from ppsconsole.actions.salvage import Salvage
from ppsconsole.actions.service import Disable, Enable, Start, Stop
from ppsconsole.actions.sessions import CheckConnections, EndSessions
from ppsconsole.actions.set_aside import DeleteSetAside
from ppsconsole.actions.source_checkpoint import CheckpointSource
from ppsconsole.actions.stale_slots import DropStaleSlots
from ppsconsole.actions.standby_start import StartStandby
from ppsconsole.actions.start_apart import StartApart
from ppsconsole.actions.stop_primary import StopPrimary
from ppsconsole.actions.swap_database import SwapDatabase
from ppsconsole.actions.switch_database import SwitchDatabase
from ppsconsole.actions.take_copy import TakeCopy
from ppsconsole.actions.upstream_slot import MakeSlot
from ppsconsole.actions.verify_service import VerifyService

ACTIONS: Final[Mapping[str, Action]] = {
    "start": Start(),
    "stop": Stop(),
    "enable": Enable(),
    "disable": Disable(),
    "restart-service": RestartService(),
    "end-sessions": EndSessions(),
    "checkpoint": Checkpoint(),
    "stop-primary": StopPrimary(),
    "prove-zero-loss": ProveZeroLoss(),
    "fence": Fence(),
    "salvage": Salvage(),
    "promote": Promote(),
    "promote-snapshot": PromoteSnapshot(),
    "restore-copy": RestoreCopy(),
    "take-copy": TakeCopy(),
    "verify-alternate": VerifyAlternate(),
    "tell-users": TellUsers(),
    "check-home": CheckHome(),
    "restore-home": RestoreHome(),
    "tell-kept": TellKept(),
    "switch-database": SwitchDatabase(),
    "check-connections": CheckConnections(),
    "check-following": CheckFollowing(),
    "drain": Drain(),
    "move-members": MoveMembers(),
    "verify-service": VerifyService(),
    "follow": Follow(),
    "quarantine": Quarantine(),
    "install-boot-guard": InstallBootGuard(),
    "check-boot-guard": CheckBootGuard(),
    "remove-boot-guard": RemoveBootGuard(),
    "keep-lost-writes": KeepLostWrites(),
    "check-copy": CheckCopy(),
    "close-database": CloseDatabase(),
    "start-apart": StartApart(),
    "dump-database": DumpDatabase(),
    "restore-database": RestoreDatabase(),
    "compare-databases": CompareDatabases(),
    "swap-database": SwapDatabase(),
    "remove-dump": RemoveDump(),
    "keep-configuration": KeepConfiguration(),
    "checkpoint-source": CheckpointSource(),
    "make-slot": MakeSlot(),
    "recover": Recover(),
    "try-rewind": TryRewind(),
    "rewind": Rewind(),
    "clone": Clone(),
    "swap-in": SwapIn(),
    "start-standby": StartStandby(),
    "drop-stale-slots": DropStaleSlots(),
    "delete-set-aside": DeleteSetAside(),
    "drop-set-aside": DropSetAside(),
    "repoint": Repoint(),
    "back-up": BackUp(),
    "retain-bundles": RetainBundles(),
    "count-bundles": CountBundles(),
    "verify-bundle": VerifyBundle(),
    "prune-bundles": PruneBundles(),
}
"""What a plan can be made of."""
