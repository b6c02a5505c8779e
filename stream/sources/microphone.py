"""The microphone, through PortAudio: PulseAudio, PipeWire, ALSA, Core Audio, WASAPI.

    for item in MicrophoneSource(stop, device="usb"): ...
    print(list_devices())

A device that goes away is waited for. How much was missed is measured by the clock and becomes a jump in the sample
index; so does sound that was not taken in time.

Opening and closing happen in a thread of their own: a sound server that hangs keeps them waiting without end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.sources.backoff import Backoff
from stream.sources.devices import list_devices
from stream.sources.pump import Pump
from stream.sources.recording import Recording, Take
from stream.tagging.audio import AudioChunk, SourceItem, SourceStatus, StatusKind

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
        self._told: StatusKind | None = None  # the last news, up or down

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
                    if self._told != "down":
                        self._told = "down"
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
        if self._told != "up":
            self._told = "up"
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
