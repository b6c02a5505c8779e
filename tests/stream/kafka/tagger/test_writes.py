"""What a batch becomes on the topics."""

from __future__ import annotations

from collections import Counter

from stream.kafka.tagger.partition import Batch, DeadLetter
from stream.kafka.tagger.writes import Outbound
from stream.kafka.topics import Topics
from stream.kafka.wire.chunks import ChunkError
from tests.stream.kafka.log import Entry


def test_the_limit_of_dead_letters_is_found_in_a_few_transactions() -> None:
    """A topic of dead letters may take far smaller records than the input; each refusal costs a transaction."""
    error = ChunkError("undecodable", "no sound", "VALUE_CONVERTER")
    dead = [
        DeadLetter(Entry(offset, 0, b"a", bytes(60_000 + 2_000 * offset), []), offset, error) for offset in range(400)
    ]
    batch = Batch([], dead, {}, 400, Counter(), [])
    outbound = Outbound(Topics("in", "out", "dead", "state"))
    for _ in range(15):
        package = outbound.package({0: batch})
        sizes = [len(write.value or b"") for write in package.writes]
        if max(sizes) <= 50_000:  # of which this broker takes no more
            break
        outbound.shorten(package, sizes.index(max(sizes)))
    assert max(sizes) <= 50_000
    assert len(package.writes) == 400
