"""Lets a static member that led its group lead it again when it comes back.

    keep_leadership(consumer)                  # before the first poll

A group's leader watches the topic, and has the partitions shared out anew when there are more of them. A static member
(``--group-instance-id``) that was the leader and restarts still is it for the broker, but is not told so: the answer to
its joining names the member that it was before, and its old partitions come without a rebalance (KIP-814 says it in a
version of the answer that kafka-python does not ask for). So nobody would watch, and new partitions would be read by
nobody. We know ourselves in that answer by our name, and compare what is shared out in the group with what the topic
has: the leader that sees a difference joins anew, at once or when the topic grows later.

Used of kafka-python's insides: the coordinator's ``_process_join_group_response``, ``_do_join_and_sync_async``,
``_is_leader``, ``_assignment_snapshot``, ``_subscription``, ``_cluster`` and ``_manager``.
"""

from __future__ import annotations

from typing import Any

from kafka.errors import KafkaError
from kafka.protocol.admin import DescribeGroupsRequest
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment


def keep_leadership(consumer: Any) -> None:
    """Let a consumer (``KafkaConsumer``) that came back as its group's leader do what leaders do."""
    coordinator = consumer._coordinator
    if coordinator.group_instance_id is None:
        return
    take_answer = coordinator._process_join_group_response
    join = coordinator._do_join_and_sync_async
    leaders: list[bool] = []  # of the answer that came last: whether it names the member that we were before

    def take_and_look(response: Any, sent_at: float) -> Any:
        response = take_answer(response, sent_at)
        ours = f"{coordinator.group_instance_id}-"  # the broker puts it before a random part
        leaders[:] = [response.leader != response.member_id and response.leader.startswith(ours)]
        return response

    async def join_and_lead() -> Any:
        answer = await join()
        if any(leaders):
            shared_out = await _shared_out(coordinator)
            coordinator._is_leader = True
            coordinator._assignment_snapshot = shared_out
        return answer

    coordinator._process_join_group_response = take_and_look
    coordinator._do_join_and_sync_async = join_and_lead


async def _shared_out(coordinator: Any) -> dict[str, set[int]]:
    """Return the partitions that members have, by topic; none where that is not to be had: all is shared out anew."""
    found: dict[str, set[int]] = {topic: set() for topic in coordinator._subscription.group_subscription()}
    request = DescribeGroupsRequest(groups=[coordinator.group_id])
    try:
        await coordinator._cluster.refresh_metadata()  # what it is compared with
        answer = await coordinator._manager.send(request, node_id=coordinator.coordinator_id)
    except KafkaError:
        return found
    for member in (member for group in answer.groups for member in group.members if member.member_assignment):
        for topic, partition in ConsumerProtocolAssignment.decode(member.member_assignment).partitions():
            found.setdefault(topic, set()).add(partition)
    return found
