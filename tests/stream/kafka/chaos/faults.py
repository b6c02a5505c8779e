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
_GROWN_SECONDS = 8.0
_TRANSACTION_SECONDS = 15.0  # after which the broker gives up a transaction: what its owner then says is too late
_LONG_STOPS = 0.2


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
        self,
        members: Members,
        broker: Broker,
        *,
        seed: int,
        session_timeout: float,
        wait: Callable[[float], None],
        note: Callable[[str], None],
    ) -> None:
        """Take whom it may concern.

        Args:
            members: the consumers.
            broker: the broker.
            seed: of the run.
            session_timeout: of the group, in seconds: who stands still stands still for longer.
            wait: waits so many seconds while the run goes on.
            note: is told what is done.
        """
        self.counts: Counter[Kind] = Counter()
        """What was done."""
        self._members = members
        self._broker = broker
        self._session_timeout = session_timeout
        self._wait = wait
        self._note = note
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
            case "kill" | "terminate":
                self._end(kind)
                self._start()
            case "stop":
                victim, seconds = self._victim(), self._session_timeout + self._rng.uniform(1.0, 4.0)
                if self._rng.random() < _LONG_STOPS:
                    seconds += _TRANSACTION_SECONDS
                self._note(f"stop consumer {victim.number} for {seconds:.1f} s")
                self._members.stop(victim, seconds)
            case "add":
                self._start()
            case "remove":
                self._end(self._rng.choice(("kill", "terminate")))
            case "broker restart" | "broker kill":
                self._note(kind)
                (self._broker.stop if kind == "broker restart" else self._broker.kill)()
                self._wait(self._rng.uniform(0.0, 3.0))
                self._broker.start()
                self._note("broker is back")
        self.counts[kind] += 1

    def _start(self) -> None:
        self._note(f"start consumer {self._members.start().number}")

    def _end(self, how: Literal["kill", "terminate"]) -> None:
        victim = self._victim()
        self._note(f"{how} consumer {victim.number}")
        (self._members.kill if how == "kill" else self._members.terminate)(victim)

    def _victim(self) -> Member:
        while not (running := self._members.running):
            self._wait(0.2)
        # One that has just begun has nothing to lose yet.
        ages = [min(_GROWN_SECONDS, 0.1 + member.age) for member in running]
        return self._rng.choices(running, ages)[0]
