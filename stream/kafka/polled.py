"""What one poll of a group's consumer brought: records, and what became of the partitions."""

from __future__ import annotations

import dataclasses
from typing import Any

from stream.kafka.damage import Corrupt
from stream.kafka.refusals import Gone


@dataclasses.dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought.

    Attributes:
        records: by partition, in the order of their offsets, all later than those of the poll before.
        assigned: partitions newly ours: nothing of them comes before ``start``.
        lost: partitions that are no longer ours, or not what they were: to be forgotten, before ``assigned`` is read.
        corrupt: records that cannot be read and were passed over.
        gone: jumps to where the log goes on, as the records asked for are not there any more.
    """

    records: dict[int, list[Any]]
    assigned: set[int]
    lost: set[int]
    corrupt: list[Corrupt]
    gone: list[Gone]
