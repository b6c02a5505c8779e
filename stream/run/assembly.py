"""Puts a run together from its settings: model, sources, sessions, sinks, the HTTP side.

with Assembly(settings, stop, hangup.taken) as assembly:
    assembly.run()
assembly.failures                      # what failed and why, by name
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from model.contract import ModelInfo
from model.frontend import FrontEnd
from stream.common.errors import StreamError, UsageError
from stream.common.output import is_terminal
from stream.common.stop import Stop
from stream.models.models import Models
from stream.run.engine import Engine, Observer
from stream.settings.listen import Settings
from stream.sinks.group import Sink, SinkGroup
from stream.sinks.result_file import Limits, open_results
from stream.tagging.audio import Source
from stream.tagging.scorer import SessionOptions
from stream.tagging.session import Session

if TYPE_CHECKING:
    from stream.run.kafka_run import KafkaConsumption


def find_files(asked: Sequence[Path]) -> tuple[list[Path], dict[str, str]]:
    """Return the files asked for, directories walked, and why what holds none does not."""
    from stream.sources.files import expand_paths  # noqa: PLC0415 -- light, but only for files

    paths: list[Path] = []
    not_found: dict[str, str] = {}
    for path in asked:
        try:
            paths += expand_paths([path])
        except StreamError as error:
            not_found[str(path)] = str(error)
    return paths, not_found


def side_by_side(work: Callable[[], None], jobs: int, stop: Stop) -> None:
    """Do the same work in several threads; the first that cannot go on stops the others and is raised."""
    if jobs <= 1:
        work()
        return
    with concurrent.futures.ThreadPoolExecutor(jobs, thread_name_prefix="file") as pool:
        futures = [pool.submit(work) for _ in range(jobs)]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException:  # whatever it was: the pool waits for its threads, so they must end
            stop.request()
            raise


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
        self._paths, self._not_found = find_files(settings.paths)
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
        if self._settings.source == "file":
            self._run_files()
        elif self._kafka is not None:
            self._kafka.run(self._engine)
        else:
            self._engine.run(live_source(self._settings, self._stop), name=str(self._settings.source))

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
            read = [*self._paths, self._models.path, *filter(None, [self._models.shadow_path])]
            _refuse_to_replace(settings.output_file, read)
            limits = Limits(settings.rotate_mb, settings.rotate_minutes)
            sinks.append(open_results(settings.output_file, labels, limits, self._stop))
            opened.callback(sinks[-1].close)
        sinks.insert(0, _standard_output(settings, self._models.info, self._stop))
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
        from stream.metrics.metrics import Metrics  # noqa: PLC0415 -- only where HTTP is wanted
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
        self._models.serve(metrics, [metrics, board, feed])
        app = create_app(metrics, board, feed)
        server = serve(app, settings.metrics_host, settings.metrics_port, exact=settings.metrics_port_given)
        opened.callback(server.stop)
        opened.callback(feed.close)  # before: open pages would keep the server waiting
        if settings.metrics_port not in (0, server.port):
            logger.warning("port %d is in use: metrics and status are at %s", settings.metrics_port, server.url)
        else:
            logger.info("metrics and status at %s", server.url)
        return [board, metrics, feed]

    def _run_files(self) -> None:
        from stream.sources.files import FileSource, stream_names  # noqa: PLC0415 -- only for files

        for path, reason in self._not_found.items():
            self._engine.fail(path, reason)
        names = stream_names(self._paths)
        waiting = iter(list(zip(self._paths, names, strict=True)))  # a list's iterator may be shared by threads

        def work() -> None:
            for path, name in waiting:
                if self._stop.requested:
                    return
                self._engine.run(FileSource(path, self._stop, stream=name, realtime=self._settings.paced), name)

        side_by_side(work, min(self._settings.jobs, len(self._paths)), self._stop)
        failed, asked = self._engine.failures, len(self._paths) + len(self._not_found)
        if failed and asked > 1:
            logger.error("%d of %d files could not be heard, or not to their end:", len(failed), asked)
            for name, reason in failed.items():
                logger.error("  %s", reason if name in reason else f"{name}: {reason}")


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


def live_source(settings: Settings, stop: Stop) -> Source:
    """Return the one source that is no list of files."""
    # Each source has needs of its own (a sound library, a decoder, a network): only the one used is imported.
    match settings.source:
        case "mic":
            from stream.sources.microphone import MicrophoneSource  # noqa: PLC0415

            return MicrophoneSource(
                stop, device=settings.device, samplerate=settings.samplerate, channels=settings.channels
            )
        case "stdin":
            from stream.sources.stdin import StdinSource  # noqa: PLC0415

            return StdinSource(
                stop, samplerate=settings.samplerate, channels=settings.channels, sample_format=settings.format
            )
        case "url":
            from stream.sources.radio import UrlSource  # noqa: PLC0415

            return UrlSource(str(settings.url), stop, timeout=settings.url_timeout)
        case _:
            from stream.sources.demo import DemoSource  # noqa: PLC0415

            return DemoSource(stop, realtime=settings.paced)


def _standard_output(settings: Settings, model: ModelInfo, stop: Stop) -> Sink:
    if settings.output != "screen":
        return _records(settings.output, sys.stdout, model.labels, stop)
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


def _records(kind: str, file: TextIO, labels: Sequence[str], stop: Stop) -> Sink:
    if kind == "csv":
        from stream.sinks.records import CsvSink  # noqa: PLC0415

        return CsvSink(file, labels, stop=stop)
    from stream.sinks.records import JsonLinesSink  # noqa: PLC0415

    return JsonLinesSink(file, stop=stop)
