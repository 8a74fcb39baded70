"""Which part of 127/8 a lab has for itself."""

import random
import socket

from ppsconsole.errors import LabError

_CONTROL_PORT = 4711


def claim_network() -> tuple[str, socket.socket]:
    """Return `127.L` and the socket at 127.L.0.1 that keeps other labs away from it for as long as it is open.

    All of 127/8 can be bound on Linux without any privilege; low values of L are left to others (resolvers and the like).

    Raises:
        LabError: No part is free.
    """
    candidates = random.sample(range(16, 240), 64)
    for third in candidates:
        network = f"127.{third}"
        claim = socket.socket()
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            claim.bind((f"{network}.0.1", _CONTROL_PORT))
            claim.listen(16)
        except OSError:
            claim.close()
            continue
        return network, claim
    # Somebody listens on that port at every address: any other port serves as well, only less exclusively.
    network = f"127.{candidates[0]}"
    claim = socket.socket()
    try:
        claim.bind((f"{network}.0.1", 0))
    except OSError as error:
        raise LabError(f"no address of 127/8 can be bound: {error}", where="lab") from error
    claim.listen(16)
    return network, claim
