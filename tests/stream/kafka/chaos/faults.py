"""The faults of a chaos run, in an order that a seed chooses.

faults = Faults(members, broker, seed=1, session_timeout=4.0)
for kind in schedule(seed=1, count=100):
    faults.inject(kind)
faults.counts
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Literal, get_args

from tests.stream.kafka.broker import Broker
from tests.stream.kafka.chaos.members import Member, Members

Kind = Literal["kill", "stop", "terminate", "add", "remove", "broker restart", "broker kill"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_WEIGHTS: dict[Kind, int] = {
    "kill": 30,
    "stop": 17,
    "terminate": 20,
    "add": 11,
    "remove": 11,
    "broker restart": 5,
    "broker kill": 6,
}
_FEWEST, _MOST = 2, 4


def schedule(seed: int, count: int) -> list[Kind]:
    """Return so many faults; every kind is among them if there is room for it."""
    rng = random.Random(f"faults {seed}")
    more = rng.choices(KINDS, [_WEIGHTS[kind] for kind in KINDS], k=max(0, count - len(KINDS)))
    # The first ones are of consumers: a broker that goes before anything was consumed shows little.
    kinds = [*KINDS[:count], *more]
    rng.shuffle(kinds)
    return kinds


class Faults:
    """Does what a schedule says."""

    def __init__(
        self, members: Members, broker: Broker, *, seed: int, session_timeout: float, wait: Callable[[float], None]
    ) -> None:
        """Take whom it may concern.

        Args:
            members: the consumers.
            broker: the broker.
            seed: of the run.
            session_timeout: of the group, in seconds: who stands still stands still for longer.
            wait: waits so many seconds while the run goes on.
        """
        self.counts: Counter[Kind] = Counter()
        """What was done."""
        self._members = members
        self._broker = broker
        self._session_timeout = session_timeout
        self._wait = wait
        self._rng = random.Random(f"victims {seed}")

    def pause(self) -> float:
        """Return how many seconds there are until the next fault."""
        return self._rng.uniform(1.0, 4.0)

    def inject(self, kind: Kind) -> None:
        """Do it; where there are too many consumers to add one, or too few to take one away, the other."""
        if kind == "add" and len(self._members.alive) >= _MOST:
            kind = "remove"
        elif kind == "remove" and len(self._members.alive) <= _FEWEST:
            kind = "add"
        match kind:
            case "kill":
                self._members.kill(self._victim())
                self._members.start()
            case "stop":
                self._members.stop(self._victim(), self._session_timeout + self._rng.uniform(1.0, 4.0))
            case "terminate":
                self._members.terminate(self._victim())
                self._members.start()
            case "add":
                self._members.start()
            case "remove":
                victim = self._victim()
                (self._members.terminate if self._rng.random() < 0.5 else self._members.kill)(victim)
            case "broker restart":
                self._broker.stop()
                self._wait(self._rng.uniform(0.0, 3.0))
                self._broker.start()
            case "broker kill":
                self._broker.kill()
                self._wait(self._rng.uniform(0.0, 3.0))
                self._broker.start()
        self.counts[kind] += 1

    def _victim(self) -> Member:
        while not self._members.running:
            self._wait(0.2)
        return self._rng.choice(self._members.running)
