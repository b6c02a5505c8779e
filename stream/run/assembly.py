"""Puts a run together from its settings: model, sources, sessions, sinks, the HTTP side.

with Assembly(settings, stop, hangup.taken) as assembly:
    assembly.run()
assembly.failures                      # what failed and why, by name
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from model.contract import ModelInfo
from model.frontend import FrontEnd
from stream.common.errors import StreamError, UsageError
from stream.common.output import is_terminal
from stream.common.stop import Stop
from stream.models.models import Models
from stream.run.engine import Engine
from stream.run.sources import Files, make_source
from stream.settings.listen import Settings
from stream.sinks.group import Sink, SinkGroup
from stream.sinks.records import CsvSink, JsonLinesSink
from stream.sinks.result_file import Limits, open_results
from stream.tagging.observer import Observer
from stream.tagging.scorer import SessionOptions
from stream.tagging.session import Session

if TYPE_CHECKING:
    from stream.run.kafka_run import KafkaConsumption


logger = logging.getLogger(__name__)


class Assembly:
    """Everything a run needs, opened and closed together."""

    def __init__(self, settings: Settings, stop: Stop, reload_asked: Callable[[], bool] = lambda: False) -> None:
        """Load the model and open what is written to and served.

        Args:
            settings: what to do.
            stop: the wish to end.
            reload_asked: says, once each time, that the model's file is to be read anew.

        Raises:
            UsageError: the output would replace what is to be heard.
            StreamError: the model cannot be used, a file cannot be written, or a port is taken.
        """
        self._settings = settings
        self._stop = stop
        self._models = Models(settings, reload_asked)
        self._options = session_options(settings, self._models.in_use.frontend)
        self._files = Files(settings)
        self._kafka = _kafka_consumption(settings, stop)
        self._closing = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            opened.callback(self._models.close)
            observers = self._serve(opened)
            sinks = SinkGroup(self._result_sinks(opened))
            self._engine = Engine(self._new_session, sinks, observers, stop)
            opened.callback(self._finish, sinks)
            self._closing = opened.pop_all()

    @property
    def failures(self) -> list[str]:
        """What failed: one line for each thing that could not be heard or written."""
        return [*self._engine.failures.values(), *self._engine.lost_outputs]

    def run(self) -> None:
        """Listen until the source ends or a stop is asked for.

        Raises:
            StreamError: there is nothing to listen to.
        """
        self._models.start()
        settings, engine = self._settings, self._engine
        if settings.source == "file":
            self._files.run(settings, self._stop, engine.failures, engine.run)
            engine.failures.log_summary(self._files.asked)
        elif self._kafka is not None:
            self._kafka.run(engine)
        else:
            engine.run(make_source(settings, self._stop), name=str(settings.source))

    def __enter__(self) -> Assembly:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all; what can no longer be written is one of the failures."""
        self._closing.close()

    def _new_session(self, stream: str, live: bool) -> Session:
        return Session(stream, self._models.in_use, self._options, live=live)

    def _result_sinks(self, opened: contextlib.ExitStack) -> list[Sink]:
        settings, labels = self._settings, self._models.info.labels
        sinks: list[Sink] = []
        if settings.output_file is not None:
            read = [*self._files.paths, self._models.path, *filter(None, [self._models.shadow_path])]
            _refuse_to_replace(settings.output_file, read)
            limits = Limits(settings.rotate_mb, settings.rotate_minutes)
            sinks.append(open_results(settings.output_file, labels, limits, self._stop))
            opened.callback(sinks[-1].close)
        sinks.insert(0, OUTPUTS[settings.output](settings, self._models.info, self._stop))
        return sinks

    def _finish(self, sinks: SinkGroup) -> None:
        try:
            sinks.close()
        except StreamError as error:
            self._engine.lose_output(str(error))

    def _serve(self, opened: contextlib.ExitStack) -> list[Observer]:
        settings = self._settings
        if settings.metrics_port is None:
            return []
        from stream.metrics.metrics import Metrics, ModelMetrics, ShadowMetrics  # noqa: PLC0415 -- only for HTTP
        from stream.web.app import create_app  # noqa: PLC0415
        from stream.web.board import Board  # noqa: PLC0415
        from stream.web.feed import LiveFeed  # noqa: PLC0415
        from stream.web.server import serve  # noqa: PLC0415

        # A topic on which nothing is published is no fault; whether this member does its part is another condition.
        metrics = Metrics(settings.max_stream_labels, settings.min_rms)
        board = Board() if self._kafka is None else Board(fresh_seconds=None)
        if self._kafka is not None:
            self._kafka.serve(metrics, board)
        feed = LiveFeed()
        models: list[Observer] = [metrics, board, feed, ModelMetrics(metrics.registry)]
        if self._models.shadow is not None:
            models.append(ShadowMetrics(metrics.registry, self._models.shadow))
        self._models.observe(models)
        app = create_app(metrics, board, feed)
        server = serve(app, settings.metrics_host, settings.metrics_port, exact=settings.metrics_port_given)
        opened.callback(server.stop)
        opened.callback(feed.close)  # before: open pages would keep the server waiting
        if settings.metrics_port not in (0, server.port):
            logger.warning("port %d is in use: metrics and status are at %s", settings.metrics_port, server.url)
        else:
            logger.info("metrics and status at %s", server.url)
        return [board, metrics, feed]


def _refuse_to_replace(output: Path, inputs: Sequence[Path]) -> None:
    """Refuse to write over what is to be read.

    Raises:
        UsageError: the output is one of the inputs.
    """
    for path in inputs:
        with contextlib.suppress(OSError, ValueError):  # one of them is not there: then they are not the same
            if output.samefile(path) and output.is_file():
                raise UsageError(f"--output-file {output} would replace {path}: name another file")


def _kafka_consumption(settings: Settings, stop: Stop) -> KafkaConsumption | None:
    if settings.source != "kafka":
        return None
    from stream.run.kafka_run import KafkaConsumption  # noqa: PLC0415 -- kafka-python, only for Kafka

    return KafkaConsumption(settings, stop)


def session_options(settings: Settings, frontend: FrontEnd) -> SessionOptions:
    """Return what the settings say of averaging and thresholds, for a model of this front-end."""
    return SessionOptions(
        hop_frames=settings.hop_frames(frontend),
        average=settings.average,
        half_life=settings.half_life,
        threshold=settings.threshold,
        threshold_off=settings.threshold_off,
        min_duration=settings.min_duration,
        min_rms_dbfs=settings.min_rms,
        reset_after_silence=settings.reset_after_silence,
        channel=settings.channel,
    )


def _screen(settings: Settings, model: ModelInfo, stop: Stop) -> Sink:
    if is_terminal(sys.stdout):
        from stream.sinks.screen import ScreenSink  # noqa: PLC0415 -- rich is slow to import

        frontend = model.frontend
        return ScreenSink(
            model.labels,
            top_k=settings.top_k,
            window_seconds=frontend.window_samples / frontend.samplerate,
            hop_seconds=settings.hop_frames(frontend) / frontend.frames_per_second,
        )
    from stream.sinks.lines import LinesSink  # noqa: PLC0415

    return LinesSink(sys.stdout, settings.top_k, stop=stop)


OUTPUTS: dict[str, Callable[[Settings, ModelInfo, Stop], Sink]] = {
    "screen": _screen,
    "jsonl": lambda settings, model, stop: JsonLinesSink(sys.stdout, stop=stop),
    "csv": lambda settings, model, stop: CsvSink(sys.stdout, model.labels, stop=stop),
}
"""The registry of what ``--output`` may say: a name and how its sink is made."""
