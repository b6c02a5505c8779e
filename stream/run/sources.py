"""How a source is made, and how sources are run: for the command that listens and for the one that publishes.

    source = make_source(settings, stop)                       # what settings.source names
    failures = Failures("could not be heard, or not to their end")
    run_source(source, "mic", receiver, failures, stop)        # what goes wrong is noted, and nothing is raised
    files = Files(settings)
    files.run(settings, stop, failures, run_one)               # run_one(source, name) for each file

A new source is a file in `stream/sources/`, its settings in `stream/settings/source.py`, and a line of ``MAKERS``.
"""

from __future__ import annotations

import concurrent.futures
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from stream.common.errors import StreamError, UsageError
from stream.common.stop import Stop
from stream.settings.source import SoundOptions, SourceName
from stream.tagging.audio import Source, SourceItem, SourceStatus

logger = logging.getLogger(__name__)

# Each source has needs of its own (a sound library, a decoder, a network): only the one used is imported.


def _microphone(settings: SoundOptions, stop: Stop) -> Source:
    from stream.sources.microphone import MicrophoneSource  # noqa: PLC0415

    return MicrophoneSource(stop, device=settings.device, samplerate=settings.samplerate, channels=settings.channels)


def _standard_input(settings: SoundOptions, stop: Stop) -> Source:
    from stream.sources.stdin import StdinSource  # noqa: PLC0415

    return StdinSource(stop, samplerate=settings.samplerate, channels=settings.channels, sample_format=settings.format)


def _radio(settings: SoundOptions, stop: Stop) -> Source:
    from stream.sources.radio import UrlSource  # noqa: PLC0415

    return UrlSource(str(settings.url), stop, timeout=settings.url_timeout)


def _demo(settings: SoundOptions, stop: Stop) -> Source:
    from stream.sources.demo import DemoSource  # noqa: PLC0415

    return DemoSource(stop, realtime=settings.paced)


MAKERS: dict[SourceName, Callable[[SoundOptions, Stop], Source]] = {
    "mic": _microphone,
    "stdin": _standard_input,
    "url": _radio,
    "demo": _demo,
}
"""The registry of sources: a name and how it is made. Files (:class:`Files`) and Kafka are runs of their own."""


def make_source(settings: SoundOptions, stop: Stop) -> Source:
    """Return the one source that is no list of files.

    Raises:
        StreamError: the source is not in the registry, or cannot be opened.
    """
    make = MAKERS.get(settings.source) if settings.source else None
    if make is None:
        raise StreamError(f"the source {settings.source} is not in the registry of sources (stream/run/sources.py)")
    return make(settings, stop)


class Receiver(Protocol):
    """Takes what one source yields."""

    @property
    def heard(self) -> bool:
        """Whether anything came of the source yet."""
        ...

    def take(self, item: SourceItem) -> bool:
        """Take an item; return whether more is wanted."""
        ...

    def finish(self, error: str | None) -> None:
        """End what the source began, with what went wrong; called again if ending it fails."""
        ...


class Failures(dict[str, str]):
    """What went wrong and why, by the name of the source or stream; one line each, said in the log once."""

    def __init__(self, summary: str) -> None:
        """Begin without failures; ``summary`` ends the sentence "3 of 9 files ...:"."""
        super().__init__()
        self._summary = summary
        self.muted = False
        """Whether further failures are noted only: they are all due to one that was said."""

    def add(self, name: str, reason: str) -> None:
        """Note a failure and log it; the first of a name is the one that counts."""
        if name not in self:
            self[name] = reason
            if not self.muted:
                logger.error("%s", _line(name, reason), extra={"stream": name})

    def log_summary(self, asked: int) -> None:
        """Log all failures together, where several files were asked for."""
        if self and asked > 1:
            logger.error("%d of %d files %s:", len(self), asked, self._summary)
            for name, reason in self.items():
                logger.error("  %s", _line(name, reason))


def _line(name: str, reason: str) -> str:
    return reason if name in reason else f"{name}: {reason}"


def log_news(item: SourceStatus, stream: str) -> None:
    """Log that a source went down, came back or lost sound."""
    level = logging.INFO if item.kind == "up" else logging.WARNING
    logger.log(level, "%s: source %s: %s", stream, item.kind, item.detail, extra={"stream": stream})


def run_source(source: Source, name: str, receiver: Receiver, failures: Failures, stop: Stop) -> None:
    """Give a source's items to a receiver until it ends or a stop is asked for; then close it.

    What goes wrong in the source is noted in ``failures``; what was heard before it counts.

    Args:
        source: where sound comes from.
        name: what to call it where it fails.
        receiver: takes the items, and is finished at the end.
        failures: takes what goes wrong.
        stop: ends it.

    Raises:
        UsageError: the source cannot be what was asked for (there is no such device), and nothing was heard.
    """
    try:
        items = iter(source)
        while not stop.requested and (item := next(items, None)) is not None and receiver.take(item):
            pass
        receiver.finish(None)
        return
    except UsageError as error:
        if not receiver.heard:
            raise
        reason = str(error)
    except StreamError as error:
        reason = str(error)
    except Exception as error:  # a defect met in one file must not cost the others theirs
        logger.debug("unexpected", exc_info=True)
        reason = f"unexpected {type(error).__name__}: {error} (--log-level debug shows more)"
    finally:
        source.close()
    failures.add(name, reason)
    receiver.finish(reason)


class Files:
    """The files of ``--file``: which there are, and a source for each.

    Attributes:
        paths: the files asked for, directories walked.
        not_found: why what holds none does not, by its path.
        names: of the streams, one a path.
    """

    def __init__(self, settings: SoundOptions, stream: str | None = None) -> None:
        """Look for the files; ``stream`` is a name for the only one."""
        from stream.sources.files import expand_paths, stream_names  # noqa: PLC0415 -- light, but only for files

        self.paths: list[Path] = []
        self.not_found: dict[str, str] = {}
        for path in settings.paths:
            try:
                self.paths += expand_paths([path])
            except StreamError as error:
                self.not_found[str(path)] = str(error)
        self.names = stream_names(self.paths) if stream is None else [stream] * len(self.paths)

    @property
    def asked(self) -> int:
        """How many were asked for."""
        return len(self.paths) + len(self.not_found)

    def run(self, settings: SoundOptions, stop: Stop, failures: Failures, run: Callable[[Source, str], None]) -> None:
        """Run a source for each file, ``--jobs`` of them side by side.

        The first that cannot go on at all stops the others, and its error is raised.
        """
        from stream.sources.files import FileSource  # noqa: PLC0415 -- only for files

        for path, reason in self.not_found.items():
            failures.add(path, reason)
        waiting = iter(list(zip(self.paths, self.names, strict=True)))  # a list's iterator may be shared by threads

        def work() -> None:
            for path, name in waiting:
                if stop.requested:
                    return
                run(FileSource(path, stop, stream=name, realtime=settings.paced), name)

        _side_by_side(work, min(settings.jobs, len(self.paths)), stop)


def _side_by_side(work: Callable[[], None], jobs: int, stop: Stop) -> None:
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
