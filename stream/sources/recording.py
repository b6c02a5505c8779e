"""One open microphone: PortAudio's callback on one side, a bounded queue on the other.

    with Recording.open(device=None, samplerate=None, channels=None, queue_seconds=5.0) as recording:
        take = recording.take(timeout=0.1)       # the next tenth of a second, or None
        recording.is_dead(after=5.0)             # the device has gone, or says nothing any more

The callback runs in PortAudio's own thread and must not wait: what finds the queue full is dropped and counted.
"""

from __future__ import annotations

import dataclasses
import queue
import time
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stream.common.errors import StreamError
from stream.sources.devices import Device, check_form, devices, find_device, fresh_sounddevice

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
