"""What a consumer can do: it is behind by hours of sound, catches up, is killed, and goes on.

    make bench-kafka                                       # on a broker of its own
    python -m tests.stream.kafka.bench --encodings FLAC --streams 8 --minutes 20 --bootstrap-servers HOST:PORT

Sound in stereo at 44.1 kHz, a record a second, streams on four partitions, one consumer with the built-in model. The
broker runs on the same machine and takes its share of it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from kafka import KafkaProducer
from rich.console import Console
from rich.table import Table

from stream.kafka.wire.chunks import Chunk, Encoding, Message, encode
from tests.stream.kafka import topic_io
from tests.stream.kafka.broker import Broker
from tests.stream.kafka.consumers import Listener
from tests.stream.kafka.log import speak
from tests.stream.kafka.topic_io import TopicNames

RATE, CHANNELS = 44_100, 2
PARTITIONS = 4
_POOL = 30  # seconds of sound, over and over
_LOOK_SECONDS = 0.25


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """What came out for one encoding; seconds, megabytes (10^6)."""

    encoding: str
    sound_s: float
    sent_mb: float
    wall_s: float
    cpu_s: float
    transactions: int
    median_s: float
    p95_s: float
    memory_mb: tuple[float, float, float]  # when it began, at most, at the end
    restored_s: float
    ready_s: float
    streams: int

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield names and values."""
        yield "sound behind", f"{self.sound_s / 3600:.1f} h of {self.streams} streams, {self.sent_mb:.0f} MB"
        yield "caught up in", f"{self.wall_s:.0f} s"
        yield "sound a second", f"{self.sound_s / self.wall_s:.0f} s"
        yield "input", f"{self.sent_mb / self.wall_s:.1f} MB/s"
        yield "computing a second of sound", f"{1000 * self.cpu_s / self.sound_s:.2f} ms"
        yield "streams a core", f"{self.sound_s / self.cpu_s:.0f}"
        yield "transactions", f"{self.transactions}"
        yield "  half of them within", f"{1000 * self.median_s:.0f} ms"
        yield "  95 % of them within", f"{1000 * self.p95_s:.0f} ms"
        yield "memory: begin, peak, end", " / ".join(f"{each:.0f}" for each in self.memory_mb) + " MB"
        yield f"after kill -9, {self.streams} streams restored in", f"{self.restored_s:.2f} s"
        yield "  from its start to ready", f"{self.ready_s:.1f} s"


def publish(servers: str, topics: TopicNames, encoding: Encoding, streams: int, seconds: int) -> int:
    """Send all the sound, its last second without an end, and return how many bytes it is."""
    producer = KafkaProducer(bootstrap_servers=servers, linger_ms=20, batch_size=1_000_000, max_request_size=10_000_000)
    size = 0
    pools = [_pool(f"stream-{number}", encoding) for number in range(streams)]
    for second in range(seconds):
        for number, pool in enumerate(pools):
            message = pool[second % _POOL]
            headers = _headers(message, second)
            size += len(message.value) + sum(len(name) + len(value) for name, value in headers)
            producer.send(
                topics.input, key=message.key, value=message.value, headers=headers, partition=number % PARTITIONS
            )
    producer.flush()
    producer.close()
    return size


def measure(servers: str, encoding: Encoding, streams: int, seconds: int, folder: Path) -> Figures:
    """Publish, catch up, kill, go on."""
    topics = topic_io.unique_names()
    topic_io.create(servers, topics, partitions=PARTITIONS)
    try:
        size = publish(servers, topics, encoding, streams, seconds)
        arguments = ("--group-instance-id", "bench", "--idle-seconds", "3600")
        with Listener(servers, topics, folder, *arguments) as listener:
            listener.await_ready()
            began, cpu, memory = time.monotonic(), listener.cpu_seconds(), [listener.resident_mb()]
            while listener.metrics()["moodstream_kafka_records_total{result=ok}"] < streams * seconds:
                if listener.process.poll() is not None:
                    raise RuntimeError(f"the consumer ended\n{listener.said}")
                memory.append(listener.resident_mb())
                time.sleep(_LOOK_SECONDS)
            wall, cpu = time.monotonic() - began, listener.cpu_seconds() - cpu
            values = listener.metrics()
            listener.kill()
        began = time.monotonic()
        with Listener(servers, topics, folder, *arguments) as again:
            again.await_ready()
            ready = time.monotonic() - began
            again.wait_until(lambda: again.metrics()[_RESTORED + "_count"] >= PARTITIONS, "all are restored")
            restored = max(float(each) for each in re.findall(r"\d restored in ([\d.]+) s", again.said))
            again.stop()
        return Figures(
            encoding=encoding,
            sound_s=streams * seconds,
            sent_mb=size / 1e6,
            wall_s=wall,
            cpu_s=cpu,
            transactions=int(values[_TRANSACTION + "_count"]),
            median_s=quantile(values, _TRANSACTION, 0.5),
            p95_s=quantile(values, _TRANSACTION, 0.95),
            memory_mb=(memory[0], max(memory), memory[-1]),
            restored_s=restored,
            ready_s=ready,
            streams=streams,
        )
    finally:
        topic_io.delete(servers, topics)


_TRANSACTION = "moodstream_kafka_transaction_duration_seconds"
_RESTORED = "moodstream_kafka_restore_duration_seconds"


def quantile(values: dict[str, float], histogram: str, share: float) -> float:
    """Return an upper bound of a quantile, interpolated within its bucket as Prometheus does."""
    prefix = f"{histogram}_bucket{{le="
    buckets = sorted(
        (float(name[len(prefix) : -1]), count) for name, count in values.items() if name.startswith(prefix)
    )
    wanted = share * buckets[-1][1]
    low, below = 0.0, 0.0
    for high, count in buckets:
        if count >= wanted and count > below:
            return low if high == float("inf") else low + (high - low) * (wanted - below) / (count - below)
        low, below = high, count
    return low


def _pool(stream: str, encoding: Encoding) -> list[Message]:
    """Return half a minute of a stream as records; the sound of each stream is its own."""
    seed = sum(stream.encode())
    chunks: list[Chunk] = speak(stream, _POOL, rate=RATE, channels=CHANNELS, chunk_seconds=1, seed=seed, ends=False)
    return [encode(dataclasses.replace(each, start=False, captured_at=None), encoding, "bench") for each in chunks]


def _headers(message: Message, second: int) -> list[tuple[str, bytes]]:
    new = {"x-seq": b"%d" % second, "x-sample": b"%d" % (second * RATE), "ce_id": b"s1.%d" % second}
    return [(name, new.get(name, value)) for name, value in message.headers]


@contextlib.contextmanager
def _broker(servers: str | None) -> Iterator[str]:
    if servers is not None:
        yield servers
        return
    with tempfile.TemporaryDirectory(prefix="kafka-bench-") as folder:
        broker = Broker(Path(folder))
        broker.start()
        try:
            yield broker.bootstrap_servers
        finally:
            broker.stop()


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.stream.kafka.bench", description=__doc__)
    parser.add_argument("--streams", type=int, default=8, help="streams (default 8)")
    parser.add_argument("--minutes", type=int, default=20, help="of sound in each (default 20)")
    parser.add_argument("--encodings", nargs="+", choices=get_args(Encoding), default=["FLAC", "S16LE"])
    parser.add_argument("--bootstrap-servers", metavar="HOST:PORT", help="a broker of yours (default: one of its own)")
    options = parser.parse_args()
    with _broker(options.bootstrap_servers) as servers, tempfile.TemporaryDirectory() as folder:
        found = [
            measure(servers, encoding, options.streams, 60 * options.minutes, Path(folder))
            for encoding in options.encodings
        ]
    table = Table("", *[each.encoding for each in found], title="One consumer, catching up")
    for cells in zip(*[each.rows() for each in found], strict=True):
        table.add_row(cells[0][0], *[value for _, value in cells])
    Console(width=100).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
