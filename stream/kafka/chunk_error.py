"""What is wrong with a record that cannot be used.

raise ChunkError("missing_header", "the header x-seq is missing", "HEADER_CONVERTER")
"""

from __future__ import annotations

from typing import Literal

Stage = Literal["KEY_CONVERTER", "HEADER_CONVERTER", "VALUE_CONVERTER", "TASK_PUT"]
"""Where a record failed, in the words of Kafka Connect: its key, its headers, its value, or what we did with it."""


class ChunkError(Exception):
    """A record that becomes a dead letter; the message is one line.

    Attributes:
        reason: what is wrong, as a metric's label: ``missing_header``.
        stage: where it showed.
    """

    def __init__(self, reason: str, message: str, stage: Stage) -> None:
        super().__init__(message)
        self.reason = reason
        self.stage: Stage = stage
