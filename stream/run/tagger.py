"""The Python interface: files, samples and live sources to moods, as the command gives them.

tagger = Tagger()                                          # or Tagger("mine.onnx", hop_seconds=1.0)
tagger.file("song.mp3").running                            # {"happy": 0.55, "sad": 0.09, ...}

live = tagger.live(samplerate=44100)                       # samples from a program of your own
for record in live.feed(samples): ...                      # float32, (n,) or (n, channels)
for record in live.end(): ...

for record in tagger.listen(device="USB"): ...             # the microphone, until the loop is left
for record in tagger.radio("https://radio.example/stream"): ...
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from model.contract import DEFAULT_MODEL, ModelError, load
from stream.common.errors import StreamError, UsageError
from stream.common.stop import Stop
from stream.run.assembly import session_options
from stream.run.sources import make_source
from stream.settings.listen import OPTIONS, Settings
from stream.settings.table import Given, Origin, nearest
from stream.sources.files import FileSource
from stream.tagging.audio import AudioChunk, Source, SourceStatus, StreamEnd
from stream.tagging.record import Final, Record, Status
from stream.tagging.session import Session

_HEADINGS = ("Mood", "Events")
_TAKEN = {each.name: each for each in OPTIONS if each.group in _HEADINGS or each.name == "channel"} | {
    "threshold_off": next(each for each in OPTIONS if each.name == "threshold_off_choice")
}


class Tagger:
    """Says the mood of music. One object may be used for any number of files and streams, one after the other."""

    def __init__(self, model: str | Path | None = None, **options: Any) -> None:
        """Load a model.

        Args:
            model: an ONNX file, or a folder of Essentia's heads; None is the built-in model.
            options: those of the command (``python -m stream.listen --help``, headings Mood and Events, and
                ``channel``), by their names: ``hop_seconds=1.0``, ``average="ema"``, ``threshold=0.6``.

        Raises:
            StreamError: the model cannot be used.
            UsageError: an option is unknown, or has a value that it cannot have.
        """
        self._settings = _settings(model, options)
        try:
            self._model = load(self._settings.model or DEFAULT_MODEL)
        except ModelError as error:
            raise StreamError(str(error)) from None
        self._options = session_options(self._settings, self._model.info.frontend)

    @property
    def moods(self) -> tuple[str, ...]:
        """The names of the model's moods."""
        return self._model.info.labels

    def file(self, path: str | Path) -> Final:
        """Return the result of a whole file: ``running`` has its moods, None where no window could be scored.

        Raises:
            StreamError: the file cannot be read, or not to its end.
        """
        *_, final = self.records(path)
        assert isinstance(final, Final)  # a file that can be read ends with one
        return final

    def records(self, path: str | Path) -> Iterator[Record]:
        """Yield the records of a file as the command writes them: a window each 2.992 s, events, the final.

        Raises:
            StreamError: the file cannot be read, or not to its end; what came before it was yielded.
        """
        return self._run(FileSource(Path(path), stop := Stop(), stream=str(path)), stop)

    def live(self, samplerate: int, stream: str = "stream") -> LiveTagger:
        """Return what takes the samples of a stream, at ``samplerate`` Hz, as they come."""
        return LiveTagger(Session(stream, self._model, self._options, live=True), samplerate, stream)

    def listen(self, device: str | int | None = None) -> Iterator[Record]:
        """Yield the records of a microphone (a number or part of a name; None is the default), until the loop is left.

        Raises:
            StreamError: there is no such device, or sounddevice is not installed.
        """
        return self._live(mic=True, device=None if device is None else str(device))

    def radio(self, url: str) -> Iterator[Record]:
        """Yield the records of a station on the web, which is connected to again where it breaks off.

        Raises:
            StreamError: the address cannot be used.
        """
        return self._live(url=url)

    def _live(self, **source: Any) -> Iterator[Record]:
        return self._run(make_source(dataclasses.replace(self._settings, **source), stop := Stop()), stop)

    def _run(self, source: Source, stop: Stop) -> Iterator[Record]:
        session = Session(source.stream, self._model, self._options, live=source.live)
        try:
            for item in source:
                match item:
                    case AudioChunk():
                        yield from session.feed(item)
                    case SourceStatus():
                        yield Status(item.stream, item.kind, item.detail, lost_s=round(item.lost_seconds, 3))
                    case StreamEnd():
                        yield from session.flush(item.error)
                        if item.error is not None:
                            raise StreamError(item.error)
                        return
            yield from session.flush()
        finally:
            stop.request()
            source.close()


class LiveTagger:
    """Takes the samples of one stream as they come. A long silence begins a new track, as on a microphone."""

    def __init__(self, session: Session, samplerate: int, stream: str) -> None:
        self._session = session
        self._samplerate = samplerate
        self._stream = stream
        self._position = 0

    def feed(self, samples: ArrayLike, *, track: str | None = None, starts_track: bool = False) -> list[Record]:
        """Take the next samples; return the records that they complete.

        Args:
            samples: shape (n,) or (n, channels), full scale at 1.0; integers are scaled by their type's range.
            track: title of what plays, where it is known.
            starts_track: a new track begins here, even if its title is that of the last.

        Raises:
            StreamError: the samples have another shape, or a rate that is not supported.
        """
        taken = _as_float(np.asarray(samples))
        chunk = AudioChunk(
            self._stream, taken, self._samplerate, self._position, track=track, starts_track=starts_track
        )
        self._position += len(taken)
        return self._session.feed(chunk)

    def end(self) -> list[Record]:
        """End the stream; return its last records, with the final. The next samples begin a new one."""
        self._position = 0
        return self._session.flush()


def _settings(model: str | Path | None, options: dict[str, Any]) -> Settings:
    given: dict[str, Given] = {}
    for name, value in options.items():
        if name not in _TAKEN or name in ("model", "shadow_model"):
            raise UsageError(f"{name} is unknown; {nearest(name, _TAKEN)}")
        if value is not None:
            option = _TAKEN[name]
            given[option.name] = option.accept(str(value), Origin("flag", name))
    values = {name: each.value for name, each in given.items()}
    settings = Settings(model=None if model is None else Path(model), **values)
    if settings.threshold_off > settings.threshold:
        raise UsageError(
            f"threshold_off must not exceed threshold: {settings.threshold_off} is above {settings.threshold}"
        )
    return settings


def _as_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    if samples.ndim not in (1, 2):
        raise StreamError(f"samples of shape (n,) or (n, channels) are needed, not {samples.shape}")
    if samples.dtype.kind == "i":
        samples = samples / -float(np.iinfo(samples.dtype).min)
    if samples.dtype.kind != "f":
        raise StreamError(f"samples in floats or signed integers are needed, not {samples.dtype}")
    return np.ascontiguousarray(samples.reshape(len(samples), -1), dtype=np.float32)
