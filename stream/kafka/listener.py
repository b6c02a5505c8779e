"""Hears of rebalances, for a consumer of a group.

consumer.subscribe([topic], listener=Listener(on_assigned, on_revoked))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kafka import ConsumerRebalanceListener, TopicPartition

_Hear = Callable[[Iterable[TopicPartition]], None]


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Calls one function for partitions that come, and one for those that go, whether given back or lost."""

    def __init__(self, assigned: _Hear, revoked: _Hear) -> None:
        """Take what to call, on kafka-python's own thread."""
        self._assigned = assigned
        self._revoked = revoked

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Pass on what came."""
        self._assigned(assigned)

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Pass on what was given back."""
        self._revoked(revoked)

    def on_partitions_lost(self, lost: Any) -> None:
        """Pass on what others may have by now."""
        self._revoked(lost)
