"""Puts the Kafka consumer together from its settings, and runs it.

    consumption = KafkaConsumption(settings, stop)
    consumption.serve(metrics, board)                  # where HTTP is wanted
    consumption.run(engine)

Results go to the output topic; what the engine's sinks and metrics are given is shown after its transaction is
committed, and at most once.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stream.common.retry import is_milestone
from stream.common.stop import Stop
from stream.kafka.client.connection import Connection, await_broker, connect
from stream.kafka.client.input import InputConsumer
from stream.kafka.client.transaction import TransactionalWriter
from stream.kafka.tagger.partition import Batch
from stream.kafka.tagger.restore import Restorer, StateReader
from stream.kafka.tagger.tagger import Readiness, Tagger, TaggerOptions
from stream.kafka.tagger.watchdog import Watchdog
from stream.kafka.tagger.writes import Outbound
from stream.kafka.topics import Topics, check
from stream.run.engine import Engine, Speed
from stream.settings.listen import Settings
from stream.tagging.audio import AudioChunk

if TYPE_CHECKING:  # imported with the HTTP side only
    from stream.metrics.metrics import KafkaMetrics, Metrics
    from stream.web.board import Board

logger = logging.getLogger(__name__)


class KafkaConsumption:
    """One member of the group."""

    def __init__(self, settings: Settings, stop: Stop) -> None:
        """Take the settings (connection, topics, group) and the wish to end; connects when it runs.

        Raises:
            StreamError: the settings of the connection do not go together, or name a file that is no use.
        """
        self._settings = settings
        self._connection = Connection.of(settings)
        self._stop = stop
        self._readiness = Readiness()
        self._metrics: KafkaMetrics | None = None

    def serve(self, metrics: Metrics, board: Board) -> None:
        """Keep metrics in the registry of the others, and tell the board when this member does its part."""
        from stream.metrics.metrics import KafkaMetrics  # noqa: PLC0415

        self._metrics = KafkaMetrics(metrics.registry)
        board.condition("partitions_restored", self._readiness.check)

    def run(self, engine: Engine) -> None:
        """Consume until a stop is asked for.

        Args:
            engine: makes the sessions, and shows what is committed.

        Raises:
            StreamError: no broker, no such topic, no permission, or another process has this one's identity.
        """
        settings, connection = self._settings, self._connection
        topics = Topics.of(settings)
        if not await_broker(connection, self._stop):
            return
        check(connection, topics)
        config = connection.config()
        member = settings.group_instance_id or uuid.uuid4().hex
        with contextlib.ExitStack() as opened:
            consumer = connect(lambda: InputConsumer(config, topics.input, settings), connection)
            opened.callback(consumer.close)
            reader = connect(lambda: StateReader(config, topics.state), connection)
            opened.callback(reader.close)
            shown = _Shown(engine, self._metrics)
            tagger = Tagger(
                consumer=consumer,
                restorer=Restorer(consumer, reader, settings.start_from),
                make_writer=lambda: TransactionalWriter(config, f"{settings.group_id}/{member}"),
                outbound=Outbound(topics),
                new_session=lambda stream: engine.new_session(stream, False),
                publish=shown.publish,
                ended=shown.ended,
                metrics=self._metrics,
                readiness=self._readiness,
                watchdog=opened.enter_context(Watchdog(settings.watchdog_seconds)),
                options=TaggerOptions(
                    group=settings.group_id,
                    max_batch=settings.max_batch,
                    idle_seconds=settings.idle_seconds,
                    max_streams=settings.max_streams,
                ),
                stop=self._stop,
            )
            opened.callback(tagger.close)
            logger.info("consuming %s as one of the group %s", topics.input, settings.group_id)
            tagger.run()


class _Shown:
    """Shows what is committed: to the sinks, the metrics, the log."""

    def __init__(self, engine: Engine, metrics: KafkaMetrics | None) -> None:
        self._engine = engine
        self._metrics = metrics
        self._speed = Speed()
        self._dead: Counter[str] = Counter()  # letters by reason

    def publish(self, batches: Sequence[Batch], busy_seconds: float) -> None:
        audio_seconds = 0.0
        for batch in batches:
            self._publish(batch)
            audio_seconds += sum(len(chunk.samples) / chunk.samplerate for chunk in batch.audio)
        if (factor := self._speed.add(audio_seconds, busy_seconds)) is not None:
            self._engine.observe(lambda observer: observer.realtime_factor(factor))

    def _publish(self, batch: Batch) -> None:
        for chunk in batch.audio:
            self._hear(chunk)
        self._engine.emit([result.record for result in batch.results])
        for dead in batch.dead:
            self._tell(dead.error.reason, str(dead.error))
        if self._metrics is None:
            return
        for result, count in batch.counts.items():
            self._metrics.records(result, count)
        for dead in batch.dead:
            self._metrics.dead_letter(dead.error.reason)

    def ended(self, stream: str) -> None:
        self._engine.end_stream(stream)

    def _hear(self, chunk: AudioChunk) -> None:
        self._engine.observe(lambda observer: observer.audio(chunk))

    def _tell(self, reason: str, message: str) -> None:
        """Log a dead letter: the first of its reason, the tenth, the hundredth, ..."""
        self._dead[reason] += 1
        count = self._dead[reason]
        if is_milestone(count):
            logger.warning("dead letter (%s, number %d of its kind): %s", reason, count, message)
