"""What the courier knows of a chunk on its way, of its session, and of all that arrived.

shipment = Shipment(chunk, message, numbers)
shipment.future = producer.send(...)
shipment.outcome()                       # None: not known yet; True: in the log; else the error
"""

from __future__ import annotations

import dataclasses
from typing import Any

from stream.kafka.wire.chunks import Chunk, Message


@dataclasses.dataclass(slots=True)
class Delivered:
    """What is in the log."""

    chunks: int = 0
    seconds: float = 0.0
    bytes: int = 0


@dataclasses.dataclass(slots=True)
class SessionNumbers:
    """How far a session is: the number of its next chunk, and the highest that is in the log (-1: none)."""

    next_seq: int = 0
    confirmed: int = -1


@dataclasses.dataclass(slots=True, eq=False)
class Shipment:
    """A chunk on its way; ``error`` is set where the client did not even take it."""

    chunk: Chunk
    message: Message
    session: SessionNumbers
    future: Any = None
    error: Exception | None = None

    def outcome(self) -> Exception | bool | None:
        """Return True for confirmed, the error of what failed, None for not known yet."""
        if self.error is not None or self.future is None:
            return self.error
        if not self.future.is_done:
            return None
        return self.future.exception or True
