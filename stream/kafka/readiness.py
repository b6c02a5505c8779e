"""Whether this member of the group does its part: what ``/readyz`` says of partitions.

    readiness = Readiness()
    board.condition("partitions_restored", readiness.check)     # any thread
    readiness.update(assigned=3, restoring=1)                   # the tagger's
    readiness.check()                                           # (False, "1 of 3 partitions is being restored")

A member of a group that is larger than its topic has no partition. It is not ready by the letter: it scores nothing
until another member goes, and a supervisor that counts ready members should not count it.
"""

from __future__ import annotations

import threading


class Readiness:
    """Holds the last word of the tagger. Safe to use from several threads."""

    def __init__(self) -> None:
        """Begin before the group was joined: not ready."""
        self._lock = threading.Lock()
        self._answer = (False, "not in the consumer group yet")

    def update(self, assigned: int, restoring: int, detail: str = "") -> None:
        """Say where the partitions stand.

        Args:
            assigned: partitions that the group gave to this process, those being restored included.
            restoring: how many of them are being restored.
            detail: one line to add, such as what is waited for.
        """
        if assigned <= 0:
            line = "no partition is assigned: a rebalance goes on, or the group has more members than partitions and "
            line += "this one is a standby"
        elif restoring > 0:
            line = f"{restoring} of {assigned} partitions {'is' if restoring == 1 else 'are'} being restored"
        else:
            line = f"{assigned} {'partition' if assigned == 1 else 'partitions'} assigned and restored"
        answer = (assigned > 0 and restoring <= 0, f"{line} ({detail})" if detail else line)
        with self._lock:
            self._answer = answer

    def check(self) -> tuple[bool, str]:
        """Return whether partitions are assigned and all restored, and one line that says how it stands."""
        with self._lock:
            return self._answer
