"""The network of a lab: every connection between hosts goes over a road, and a road can be cut, frozen or slowed.

A road has its entrance at the destination's own address, on a port that only its origin knows; what enters is carried on
from the origin's address, so that the destination sees who is connected.
"""

import asyncio
import contextlib
import math
import random
import socket
import struct
import time
from dataclasses import dataclass
from typing import Literal

from ppsconsole.errors import LabError
from ppsconsole.lab.layout import free_port

_CHUNK_BYTES = 64 * 1024
_BACKLOG = 128
_SENT_AGAIN_S = 0.2  # Linux's shortest wait before TCP sends again what was not acknowledged; doubled each time (RFC 6298)
_SENT_AGAIN_MOST_S = 60.0
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: close() sends RST


Way = Literal["both", "there", "back"]
"""Directions of a road: from its origin, to its origin, or both."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How a road carries data.

    Attributes:
        delay_s: Added to everything, in each direction.
        bytes_per_s: Limit for each direction, 0 for none.
        loss: Share that is lost on the way, 0 to 1. TCP sends it again, so it comes late and holds up what follows.
    """

    delay_s: float = 0.0
    bytes_per_s: float = 0.0
    loss: float = 0.0

    def late_s(self) -> float:
        """Return how much later than sent the next piece comes, by chance where some are lost."""
        late_s, again_s = self.delay_s, _SENT_AGAIN_S
        while again_s < _SENT_AGAIN_MOST_S and random.random() < self.loss:
            late_s, again_s = late_s + again_s, again_s * 2
        return late_s


class Road:
    """One way from an origin to one service of a destination.

    Attributes:
        origin: Host, `console` or `users`.
        destination: Host that is reached.
        service: Service that is reached.
        port: Its entrance, at the destination's address.
    """

    def __init__(
        self, origin: str, destination: str, service: str, *, source: str, target: tuple[str, int], preferred: int
    ) -> None:
        self.origin, self.destination, self.service = origin, destination, service
        self._weathers: dict[str, Weather] = {}
        self._source, self._target = source, target
        self._cuts: dict[str, Way] = {}
        self._freezes: set[str] = set()
        self._is_served = False
        self._is_open = False  # the kernel answers at the entrance
        self._is_listening = False  # and we take what comes
        self._passable: dict[Way, asyncio.Event] = {"there": asyncio.Event(), "back": asyncio.Event()}
        for each in self._passable.values():
            each.set()
        self._flows: set[asyncio.Task[None]] = set()
        self._fillers: dict[tuple[str, int], socket.socket] = {}
        self._socket, self.port = _bind(target[0], preferred)

    @property
    def name(self) -> str:
        """`web1>db1:db`."""
        return f"{self.origin}>{self.destination}:{self.service}"

    @property
    def is_cut(self) -> bool:
        """Whether nothing gets through in one direction or both, as with a pulled cable."""
        return bool(self._cuts)

    @property
    def weather(self) -> Weather:
        """What all slow stretches make together: delays add up, the narrowest rate holds, each loses its share of the rest."""
        stretches = self._weathers.values()
        rates = [each.bytes_per_s for each in stretches if each.bytes_per_s]
        carried = math.prod(1.0 - each.loss for each in stretches)
        return Weather(sum(each.delay_s for each in stretches), min(rates, default=0.0), 1.0 - carried)

    def serve(self, is_served: bool) -> None:
        """Say whether the service at its end listens: if not, the entrance refuses as the real port would."""
        self._is_served = is_served
        self._apply()

    def cut(self, reason: str, way: Way = "both") -> None:
        """Stop carrying: connections freeze, new ones are not answered. Stays so until `mend` with the same reason.

        Args:
            reason: Names this cut.
            way: In one direction only, the other one goes on in connections that are open; a new one takes both.
        """
        self._cuts[reason] = way
        self._apply()

    def freeze(self, reason: str) -> None:
        """Stop carrying data while new connections are still accepted: what a stopped process behind a live kernel does."""
        self._freezes.add(reason)
        self._apply()

    def slow(self, reason: str, weather: Weather) -> None:
        """Carry later or less at a time, until `mend` with the same reason."""
        self._weathers[reason] = weather

    def mend(self, reason: str) -> None:
        """Take back what `reason` did; what had waited is delivered."""
        self._weathers.pop(reason, None)
        self._cuts.pop(reason, None)
        self._freezes.discard(reason)
        self._apply()

    def drop_flows(self) -> None:
        """Reset every connection that is on the road."""
        for flow in list(self._flows):
            flow.cancel()

    def close(self) -> None:
        """Give up the port and everything on the road."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._clear_fillers()
        self.drop_flows()
        self._socket.close()

    def _apply(self) -> None:
        loop = asyncio.get_running_loop()
        for way, passable in self._passable.items():
            if self._freezes or not {"both", way}.isdisjoint(self._cuts.values()):
                passable.clear()
            else:
                passable.set()
        if self._cuts:
            if not self._fillers:
                self._accept_waiting()
                loop.remove_reader(self._socket)
                self._block_entrance()
            return
        self._clear_fillers()
        if self._is_served:
            self._socket.listen(_BACKLOG)
            self._is_open = True
            if not self._is_listening:
                loop.add_reader(self._socket, self._accept_waiting)
        else:
            loop.remove_reader(self._socket)
            if self._is_open:
                # Ends listening and keeps the port: from now on the kernel refuses. Only while it listens: shut down in any
                # other state, the socket would pass its closed receiving side on to every later connection.
                self._socket.shutdown(socket.SHUT_RD)
                self._is_open = False
        self._is_listening = self._is_served

    def _block_entrance(self) -> None:
        """Make new connections time out: with a full accept queue of length 0 Linux drops further SYNs without an answer."""
        self._socket.listen(0)
        self._is_open = True
        self._is_listening = False
        while len(self._fillers) < 8:
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(self._socket.getsockname())
            try:
                filler.getpeername()
            except OSError:
                filler.close()  # this one got no answer: the queue is full
                return
            self._fillers[filler.getsockname()] = filler

    def _clear_fillers(self) -> None:
        if not self._fillers:
            return
        for filler in self._fillers.values():
            filler.close()
        # Take our own out of the queue before it is served again.
        left = len(self._fillers)
        with contextlib.suppress(BlockingIOError):
            while left:
                connection, peer = self._socket.accept()
                left -= 1
                if peer in self._fillers:
                    connection.close()
                else:
                    self._start_flow(connection)
        self._fillers.clear()

    def _accept_waiting(self) -> None:
        while self._is_listening:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._start_flow(connection)

    def _start_flow(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        flow = asyncio.get_running_loop().create_task(self._carry(connection))
        self._flows.add(flow)
        flow.add_done_callback(self._flows.discard)

    async def _carry(self, near: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        far = socket.socket()
        far.setblocking(False)
        is_reset = True
        try:
            far.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            far.bind((self._source, 0))
            await loop.sock_connect(far, self._target)
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(near, far, self._passable["there"]))
                group.create_task(self._pump(far, near, self._passable["back"]))
            is_reset = False
        except* OSError:
            # A reset is news from the other side and travels like data.
            for passable in self._passable.values():
                await passable.wait()
        finally:
            for each in (near, far):
                if is_reset:
                    with contextlib.suppress(OSError):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                each.close()

    async def _pump(self, source: socket.socket, target: socket.socket, passable: asyncio.Event) -> None:
        """Carry one direction to its end; the queue lets a delay add to the time of each chunk, not to their sum."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=64)

        async def deliver() -> None:
            while True:
                due, data = await queue.get()
                if (wait := due - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                await passable.wait()
                if not data:
                    with contextlib.suppress(OSError):
                        target.shutdown(socket.SHUT_WR)
                    return
                await loop.sock_sendall(target, data)
                if rate := self.weather.bytes_per_s:
                    await asyncio.sleep(len(data) / rate)

        async def collect() -> None:
            data = b"-"
            while data:
                data = await loop.sock_recv(source, _CHUNK_BYTES)
                await queue.put((time.monotonic() + self.weather.late_s(), data))
                await passable.wait()

        async with asyncio.TaskGroup() as group:
            group.create_task(deliver())
            group.create_task(collect())


def _bind(address: str, preferred: int) -> tuple[socket.socket, int]:
    for _ in range(5):
        entrance = socket.socket()
        entrance.setblocking(False)
        entrance.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The port is named, never 0: only a named one stays bound while the entrance does not listen.
        port = free_port(address, preferred)
        try:
            entrance.bind((address, port))
        except OSError:
            entrance.close()
            continue
        return entrance, port
    raise LabError("no port could be bound", where=address, remedy=f"See who listens there: ss -ltnp src {address}")


class Fabric:
    """All roads of a lab.

    Attributes:
        roads: In the order of the layout.
    """

    def __init__(self) -> None:
        self.roads: list[Road] = []

    def find(self, origin: str, destination: str, service: str) -> Road | None:
        """Return the road from `origin` to `service` of `destination`, None when there is none."""
        for road in self.roads:
            if (road.origin, road.destination, road.service) == (origin, destination, service):
                return road
        return None

    def serve(self, destination: str, service: str, is_served: bool) -> None:
        """Tell all roads to one service whether it listens."""
        for road in self.roads:
            if road.destination == destination and road.service == service:
                road.serve(is_served)

    def close(self) -> None:
        """Close all roads."""
        for road in self.roads:
            road.close()
