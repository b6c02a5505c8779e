"""The microphone, through PortAudio: PulseAudio, PipeWire, ALSA, Core Audio, WASAPI.

    for item in MicrophoneSource(stop, device="usb"): ...
    print(list_devices())

A device that goes away is waited for. How much was missed is measured by the clock and becomes a jump in the sample
index; so does sound that was not taken in time.

Opening and closing happen in a thread of their own: a sound server that hangs keeps them waiting without end.
"""

from __future__ import annotations

import dataclasses
import queue
import time
from collections.abc import Generator, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stream.common.errors import StreamError
from stream.common.retry import Backoff
from stream.common.stop import Stop
from stream.sources.devices import Device, check_form, devices, find_device, fresh_sounddevice, list_devices
from stream.sources.pump import Pump
from stream.tagging.audio import AudioChunk, SourceItem, SourceStatus, StatusKind

_BLOCKS_PER_SECOND = 10


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Take:
    """What one callback brought.

    Attributes:
        samples: shape (n, channels), float32.
        lost: samples lost directly before it.
        overflowed: whether any were, even if nobody knows how many.
        at: when it came, on the monotonic clock, in seconds.
        captured_at: when its last sample was captured, seconds since the epoch.
        queued: takes that waited behind it.
    """

    samples: NDArray[np.float32]
    lost: int
    overflowed: bool
    at: float
    captured_at: float
    queued: int = 0


class Recording:
    """Records until it is closed or the device goes."""

    def __init__(self, sounddevice: Any, device: Device, samplerate: int, channels: int, queue_seconds: float) -> None:
        """Begin to record.

        Raises:
            StreamError: the device cannot be opened.
        """
        self.device = device
        self.samplerate = samplerate
        self.channels = channels
        self._queue: queue.SimpleQueue[Take] = queue.SimpleQueue()
        self._capacity = max(1, int(queue_seconds * _BLOCKS_PER_SECOND))
        self._lost = 0
        self._last_callback = time.monotonic()
        self._has_begun = False
        self._ended = False
        try:
            self._stream = sounddevice.InputStream(
                samplerate=samplerate,
                blocksize=max(1, samplerate // _BLOCKS_PER_SECOND),
                device=device.index,
                channels=channels,
                dtype="float32",
                latency="high",
                callback=self._callback,
                finished_callback=self._finished,
            )
            self._latency = float(self._stream.latency)
            self._stream.start()
        except sounddevice.PortAudioError as error:
            raise StreamError(f"{device.name} cannot be opened: {error}") from None

    @classmethod
    def open(cls, device: str | None, samplerate: int | None, channels: int | None, queue_seconds: float) -> Self:
        """Find a device and record from it.

        Args:
            device: its number or part of its name; None is the default.
            samplerate: in Hz; None is the device's own.
            channels: None is two, or one where there is one.
            queue_seconds: how much may wait to be taken.

        Raises:
            UsageError: there is no such device, or it does not record like that.
            StreamError: there is no microphone, or it cannot be opened.
        """
        sounddevice = fresh_sounddevice()
        found = find_device(devices(sounddevice), device)
        samplerate = samplerate or found.samplerate
        channels = channels or min(2, found.channels)
        check_form(sounddevice, found, samplerate, channels)
        return cls(sounddevice, found, samplerate, channels, queue_seconds)

    def take(self, timeout: float) -> Take | None:
        """Return the next take, or None if there is none within ``timeout`` seconds."""
        try:
            taken = self._queue.get(timeout=timeout)
        except queue.Empty:
            return None
        return dataclasses.replace(taken, queued=self._queue.qsize())

    def is_dead(self, after: float) -> bool:
        """Say whether nothing will come any more: PortAudio said so, or there was nothing for ``after`` seconds."""
        return self._ended or time.monotonic() - self._last_callback > after

    def close(self) -> None:
        """Stop recording, whatever state the device is in."""
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _callback(self, indata: NDArray[np.float32], frames: int, _: object, status: Any) -> None:
        now = time.monotonic()
        since, self._last_callback = now - self._last_callback, now
        overflowed = bool(status.input_overflow) and self._has_begun  # before the first sample there is nothing to lose
        if overflowed:
            # PortAudio does not say how much: it is what came since the last callback and found no room in the buffer.
            self._lost += max(0, round((since - self._latency) * self.samplerate) - frames)
        self._has_begun = True
        if self._queue.qsize() >= self._capacity:
            self._lost += frames
            return
        captured_at = time.time() - self._latency
        self._queue.put(Take(indata.copy(), self._lost, overflowed or self._lost > 0, now, captured_at))
        self._lost = 0

    def _finished(self) -> None:
        self._ended = True


__all__ = ["MicrophoneSource", "list_devices"]

_POLL_SECONDS = 0.1


class MicrophoneSource:
    """The sound of a microphone, for as long as it is wanted."""

    live = True

    def __init__(
        self,
        stop: Stop,
        *,
        device: str | None = None,
        samplerate: int | None = None,
        channels: int | None = None,
        stream: str = "mic",
        queue_seconds: float = 5.0,
        dead_after: float = 5.0,
        backoff: Backoff | None = None,
    ) -> None:
        """Make a source; the device is opened when it is iterated over.

        Args:
            stop: ends the stream.
            device: its number or part of its name, in any case; None is the default.
            samplerate: in Hz; None is the device's own.
            channels: None is two, or one where there is one.
            stream: name of the stream.
            queue_seconds: how much sound may wait to be taken before some is dropped.
            dead_after: a device that brings nothing for so long has gone, in seconds.
            backoff: waits between attempts to open it again.
        """
        self.stream = stream
        self._device = device
        self._samplerate = samplerate
        self._channels = channels
        self._queue_seconds = queue_seconds
        self._dead_after = dead_after
        self._backoff = backoff if backoff is not None else Backoff(longest=10.0)
        self._pump = Pump(self._record, stop, capacity=1)  # what waits, waits in the recording's queue
        self._position = 0  # of the next sample
        self._heard_until: float | None = None  # monotonic time of the last sample
        self._last_news: StatusKind | None = None  # the last news, up or down

    def __iter__(self) -> Iterator[SourceItem]:
        """Yield sound and news until the stop, once.

        Raises:
            UsageError: there is no such device, or it does not record like that.
            StreamError: there is no microphone, it cannot be opened, or PortAudio is missing.
        """
        for item, queued in self._pump:
            yield dataclasses.replace(item, queued=item.queued + queued) if isinstance(item, AudioChunk) else item

    def close(self) -> None:
        """Stop recording."""
        self._pump.close()

    def _record(self, halt: Stop) -> Generator[SourceItem]:
        recording: Recording | None = self._open()
        try:
            while not halt.requested:
                if recording is None:
                    recording = self._reopen(halt)
                elif (take := recording.take(_POLL_SECONDS)) is not None:
                    yield from self._hear(recording, take)
                elif recording.is_dead(self._dead_after):
                    if self._last_news != "down":
                        self._last_news = "down"
                        yield SourceStatus(self.stream, "down", self._why_silent(recording))
                    recording.close()
                    recording = None
        finally:
            if recording is not None:
                recording.close()

    def _open(self) -> Recording:
        recording = Recording.open(self._device, self._samplerate, self._channels, self._queue_seconds)
        # What comes back must be the same device in the same form; its number may have changed.
        self._samplerate, self._channels = recording.samplerate, recording.channels
        if self._device is not None:
            self._device = recording.device.name
        return recording

    def _why_silent(self, recording: Recording) -> str:
        if self._heard_until is None:
            return f"{recording.device.name} was opened but brings no sound (is it suspended or in use?); trying again"
        return f"{recording.device.name} has gone; waiting for it to come back"

    def _reopen(self, halt: Stop) -> Recording | None:
        if halt.wait(self._backoff.next()):
            return None
        try:
            return self._open()
        except StreamError:  # not yet
            return None

    def _hear(self, recording: Recording, take: Take) -> Iterator[SourceItem]:
        rate = recording.samplerate
        lost, jumped = take.lost, take.overflowed
        if self._last_news != "up":
            self._last_news = "up"
            self._backoff.reset()
            if self._heard_until is not None:
                lost += max(0, round((take.at - self._heard_until) * rate) - len(take.samples))
                jumped = True
            yield SourceStatus(self.stream, "up", f"recording from {recording.device.name} at {rate} Hz", lost / rate)
        elif take.overflowed:
            detail = f"{lost / rate:.1f} s of sound were dropped: the computer is too slow or too busy"
            yield SourceStatus(self.stream, "overflow", detail, lost / rate)
        self._heard_until = take.at
        self._position += lost
        yield AudioChunk(
            self.stream,
            take.samples,
            rate,
            self._position,
            captured_at=take.captured_at,
            discontinuity=jumped,
            queued=take.queued,
        )
        self._position += len(take.samples)
