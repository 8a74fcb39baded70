"""What comes first: an event is durable, then the run's state has it, then whoever listens; else none of them has it."""

import asyncio
import threading

import pytest

from ppsconsole.clock import HeldClock
from ppsconsole.engine.recorder import Recorder
from ppsconsole.errors import JournalError
from ppsconsole.masking import masker
from ppsconsole.plan.event import RunEvent


class Disk:
    """A journal that writes when it is let, and fails when it is told to; `told` has all that happened, in order."""

    def __init__(self) -> None:
        self.may_write, self.is_asked, self.is_full = threading.Event(), threading.Event(), False
        self.told: list[str] = []
        self.batches: list[tuple[RunEvent, ...]] = []

    def append(self, *events: RunEvent) -> None:
        self.is_asked.set()
        assert self.may_write.wait(120)
        if self.is_full:
            raise JournalError("the disk is full")
        self.batches.append(events)
        self.told += [f"durable {event.number}" for event in events]

    def recorder(self, number: int = 0) -> Recorder:
        def follow(event: RunEvent) -> None:
            self.told.append(f"state {event.number}")

        made = Recorder(self, "run1", HeldClock(), number=number, follow=follow)

        def listener(event: RunEvent) -> None:
            self.told.append(f"heard {event.number}")

        made.listen(listener)
        return made

    async def asked(self) -> None:
        assert await asyncio.to_thread(self.is_asked.wait, 120)


def test_nothing_knows_of_an_event_before_it_is_durable() -> None:
    disk = Disk()

    async def main() -> None:
        recorder = disk.recorder()
        recording = asyncio.ensure_future(recorder.record("step-started", "promote", "now"))
        await disk.asked()
        recorder.note("output", "promote", "later")
        assert (disk.told, recording.done()) == ([], False)
        assert [event.number for event in recorder.pending] == [1, 2]
        disk.may_write.set()
        event = await recording
        assert disk.told[:2] == ["durable 1", "state 1"]
        assert (event.run, event.number, event.kind, event.step, event.words) == ("run1", 1, "step-started", "promote", "now")
        await recorder.settle()
        assert recorder.pending == ()
        await recorder.aclose()

    asyncio.run(main())
    for number in (1, 2):
        assert [each for each in disk.told if each.endswith(f" {number}")] == [
            f"{each} {number}" for each in ("durable", "state", "heard")
        ]
    assert [each for each in disk.told if each.startswith("heard")] == ["heard 1", "heard 2"]


@pytest.mark.parametrize("how", ["record", "settle"])
def test_what_is_not_durable_is_in_no_state_and_is_told_to_nobody(how: str) -> None:
    disk = Disk()
    disk.is_full = True
    disk.may_write.set()

    async def main() -> None:
        recorder = disk.recorder()
        recorder.note("output", "", "before")
        with pytest.raises(JournalError, match="full"):
            await (recorder.record("step-started") if how == "record" else recorder.settle())
        disk.is_full = False
        with pytest.raises(JournalError, match="full"):
            await recorder.record("step-started")
        with pytest.raises(JournalError, match="full"):
            recorder.check()
        await recorder.aclose()

    asyncio.run(main())
    assert (disk.told, disk.batches) == ([], [])


def test_who_waits_and_gives_up_leaves_the_writing_to_its_end() -> None:
    disk = Disk()

    async def main() -> None:
        recorder = disk.recorder(number=40)
        recording = asyncio.ensure_future(recorder.record("step-started"))
        await disk.asked()
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)
        disk.may_write.set()
        assert (await recorder.record("step-checked")).number == 42
        await recorder.aclose()

    asyncio.run(main())
    assert [event.number for batch in disk.batches for event in batch] == [41, 42]


def test_what_was_noted_is_durable_with_the_next_record_and_in_its_order() -> None:
    disk = Disk()
    disk.may_write.set()

    async def main() -> None:
        recorder = disk.recorder()
        recorder.note("output", "", "one")
        recorder.note("output", "", "two")
        await recorder.record("step-started")
        await recorder.aclose()

    asyncio.run(main())
    assert [[event.kind for event in batch] for batch in disk.batches] == [["output", "output", "step-started"]]


def test_no_secret_is_in_what_is_written_neither_as_a_name_nor_deep_in_a_list() -> None:
    masker.add("Zq7Planted")
    disk = Disk()
    disk.may_write.set()

    async def main() -> None:
        recorder = disk.recorder()
        await recorder.record("output", "", "it is Zq7Planted", {"Zq7Planted": [{"Zq7Planted": ("Zq7Planted", 7, None)}]})
        await recorder.aclose()

    asyncio.run(main())
    ((event,),) = disk.batches
    assert "Zq7" not in repr(event)
    assert event.data == {"•••": [{"•••": ["•••", 7, None]}]}
