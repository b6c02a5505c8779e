"""What a chaos run found."""

from __future__ import annotations

import dataclasses

from tests.stream.kafka.chaos.audit import Discrepancy


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a run found.

    Attributes:
        line: its figures.
        discrepancies: what is lost, doubled or wrong on the topics.
        problems: what processes did that they should not.
        notes: what else may be of interest: how processes ended by themselves.
    """

    line: str
    discrepancies: list[Discrepancy]
    problems: list[str]
    notes: list[str]

    @property
    def is_good(self) -> bool:
        """Nothing is wrong."""
        return not self.discrepancies and not self.problems

    def __str__(self) -> str:
        return "\n".join([self.line, *self.problems, *map(str, self.discrepancies), *self.notes])
