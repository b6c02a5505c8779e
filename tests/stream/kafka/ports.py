"""Ports for servers of the tests.

ports = free_ports(2)
"""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at."""
    # Below the range from which the system takes the ports of outgoing connections: there, a client that tries to
    # reach a broker that is down may get the broker's own port, connect to itself and keep the broker from coming back.
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(20_000, 32_000)
        if port not in ports and is_free(port):
            ports.append(port)
    return ports


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
