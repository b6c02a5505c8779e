"""Keeps kafka-python from joining its group again and again, and from stopping half-way.

    keep_joins(consumer)                       # before the first poll

A wish to join is sent and answered in the background. If the answer comes between two polls, the next one throws it
away and asks anew, which makes every member join again; one that polls briefly, as it has work to do, may never get
out of that. So an answer that nobody has taken yet is kept and given to the one who asks next.

Nor does kafka-python always end a joining that it began. If the reason was that the topic has grown, it forgets the
reason as soon as it has shared out the partitions; if its own share comes after that poll, no later one takes it. The
member then sends no heartbeats, is thrown out, and takes itself for the owner of its partitions for ever. So a joining
that was begun is wanted until it is over.

Used of kafka-python's insides: the coordinator's ``_do_join_and_sync_async``, ``_generation``, ``need_rejoin``,
``rejoining`` and ``state``.
"""

from __future__ import annotations

from typing import Any

from kafka.coordinator.base import MemberState


def keep_joins(consumer: Any) -> None:
    """Let a consumer (``KafkaConsumer``) use the answers that come between its polls, and end what it began."""
    coordinator = consumer._coordinator
    is_wanted = coordinator.need_rejoin
    join = coordinator._do_join_and_sync_async
    kept: list[tuple[Any, Any]] = []  # the last answer, and the generation that it is of

    async def join_or_take() -> Any:
        if kept and coordinator.state is MemberState.REBALANCING:
            generation, answer = kept.pop()
            if coordinator._generation is generation:
                kept.append((generation, answer))  # until it is taken: the state is STABLE then
                return answer
        kept.clear()
        answer = await join()
        kept.append((coordinator._generation, answer))
        return answer

    coordinator._do_join_and_sync_async = join_or_take
    coordinator.need_rejoin = lambda: coordinator.rejoining or is_wanted()
