"""Instruments with a pitch, each a function from a note to its sound, shape (n,), peak near 1.

    tape.add(piano(pitch("A3"), seconds=2.0, velocity=0.5, rng=rng), at=0.0)

Struck and plucked ones are physical models in little (stretched partials that die at their own pace; Karplus and
Strong's string), blown and bowed ones a band-limited wavetable played with vibrato.
"""

from __future__ import annotations

import numpy as np

from stream.demo.effects import SAMPLERATE, Sound, equalise, faded, low_pass, peak

_TABLE = 4096
_HIGHEST = 12_000.0  # no partial above


def piano(hz: float, seconds: float, velocity: float, rng: np.random.Generator) -> Sound:
    """Return a piano note: two strings with stretched partials, a hammer that is softer when struck softly."""
    length = int((seconds + 0.35) * SAMPLERATE)
    t = np.arange(length) / SAMPLERATE
    sound = np.zeros(length)
    stretch = 3.0e-4 * (hz / 261.6) ** 0.8
    lasting = 2.4 * (261.6 / hz) ** 0.6
    for k in range(1, 41):
        partial = k * hz * np.sqrt(1.0 + stretch * k * k)
        if partial > _HIGHEST:
            break
        amplitude = abs(np.sin(np.pi * k / 7.6)) / k * np.exp(-k * (0.05 + 0.4 * (1.0 - velocity)))
        tau = lasting / (1.0 + 0.22 * (k - 1))
        used = t[: int(min(length, 8.0 * tau * SAMPLERATE))]
        envelope = 0.75 * np.exp(-used / (0.35 * tau)) + 0.25 * np.exp(-used / (1.4 * tau))
        beating = 2.0 ** (rng.uniform(0.3, 1.6) / 1200.0)
        first, second = rng.uniform(0.0, 1.0, 2)
        waves = _sine(partial * used + first) + _sine(partial * beating * used + second)
        sound[: len(used)] += amplitude * envelope * waves
    knock = rng.standard_normal(length) * np.exp(-t / 0.008)
    sound += 0.5 * velocity * equalise(knock, low_pass(2500.0, 1))
    return faded(velocity * normalise(sound), 0.002, 0.3)


def pluck(
    hz: float,
    seconds: float,
    brightness: float,
    rng: np.random.Generator,
    *,
    damping: float = 0.996,
    position: float = 0.17,
) -> Sound:
    """Return a plucked string by Karplus and Strong's algorithm.

    Args:
        hz: pitch.
        seconds: length.
        brightness: from 0 (thumb) to 1 (plectrum).
        rng: the pluck itself.
        damping: of each round trip; a palm on the strings makes it less.
        position: where it is plucked, as a share of the string.
    """
    period = int(SAMPLERATE / hz - 0.5)
    ratio = hz * (period + 0.5) / SAMPLERATE  # the loop holds whole samples: the rest of the tuning is done by reading
    rounds = int(seconds * SAMPLERATE * ratio / period) + 2
    burst = rng.uniform(-1.0, 1.0, period)
    burst = np.fft.irfft(np.fft.rfft(burst) * low_pass(1200.0 + 9000.0 * brightness, 1)(_bins(period)), period)
    burst -= np.roll(burst, int(position * period))
    string = np.empty((rounds, period))
    string[0] = burst - burst.mean()
    last = 0.0
    for i in range(1, rounds):
        before = np.concatenate([[last], string[i - 1, :-1]])
        last = string[i - 1, -1]
        string[i] = damping * 0.5 * (string[i - 1] + before)
    flat = string.ravel()
    length = int(seconds * SAMPLERATE)
    sound = np.interp(np.arange(length) * ratio, np.arange(len(flat)), flat)
    return faded(normalise(sound), 0.0005, 0.03)


def bell(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    """Return a glockenspiel note: the modes of a free bar."""
    t = np.arange(int(seconds * SAMPLERATE)) / SAMPLERATE
    sound = np.zeros(len(t))
    for ratio, amplitude, tau in ((1.0, 1.0, 0.7), (2.756, 0.45, 0.25), (5.404, 0.25, 0.1), (2.004, 0.12, 0.5)):
        if ratio * hz < _HIGHEST:
            sound += amplitude * np.exp(-t / tau) * np.sin(2.0 * np.pi * ratio * hz * t + rng.uniform(0.0, 6.28))
    return faded(normalise(sound), 0.001, 0.05)


def bowed(
    hz: float,
    seconds: float,
    rng: np.random.Generator,
    *,
    attack: float = 0.12,
    vibrato: float = 18.0,
    bright: float = 1.0,
) -> Sound:
    """Return one bowed string (cello, viola): a sawtooth through a wooden body, vibrato that comes in late."""
    length = int((seconds + 0.15) * SAMPLERATE)
    t = np.arange(length) / SAMPLERATE
    depth = vibrato * np.clip((t - 0.25) / 0.5, 0.0, 1.0) * (1.0 + 0.15 * wander(length, 1.5, rng))
    cents = depth * np.sin(2.0 * np.pi * rng.uniform(4.9, 5.7) * t + rng.uniform(0.0, 6.28))
    cents += 3.0 * wander(length, 2.0, rng) + 3.0 * wander(length, 45.0, rng)  # the bow slips and catches
    k = np.arange(1, int(_HIGHEST / hz) + 1)
    body = peak(270.0, 5.0)(k * hz) * peak(420.0, 4.0, 0.6)(k * hz) * peak(1500.0, 3.0)(k * hz)
    amplitudes = body / k**1.05 * low_pass(3200.0 * bright, 1)(k * hz)
    sound = wave(hz * 2.0 ** (cents / 1200.0), amplitudes)
    swell = 0.8 + 0.2 * np.sin(np.pi * np.minimum(1.0, t / max(seconds, 0.1)))
    breath = equalise(rng.standard_normal(length), peak(2500.0, 12.0), low_pass(5000.0))
    unsteady = 1.0 + 0.08 * wander(length, 4.0, rng) + 0.05 * wander(length, 30.0, rng)
    return faded((normalise(sound) * unsteady + 0.02 * breath) * swell, attack, 0.15)


def flute(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    """Return a flute note: few partials, a soft start, breath."""
    length = int((seconds + 0.12) * SAMPLERATE)
    t = np.arange(length) / SAMPLERATE
    trembling = np.clip((t - 0.3) / 0.6, 0.0, 1.0) * np.sin(2.0 * np.pi * rng.uniform(4.6, 5.2) * t)
    cents = 9.0 * trembling + 2.0 * wander(length, 2.0, rng) + 2.0 * wander(length, 40.0, rng)
    sound = wave(hz * 2.0 ** (cents / 1200.0), np.array([1.0, 0.32, 0.14, 0.05, 0.03, 0.01]))
    breath = equalise(rng.standard_normal(length), peak(hz * 2.0, 14.0), low_pass(6000.0))
    return faded(normalise(sound) * (1.0 + 0.12 * trembling) + 0.03 * breath, 0.09, 0.12)


def brass(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    """Return a trumpet note: it brightens as it is blown harder."""
    length = int((seconds + 0.06) * SAMPLERATE)
    t = np.arange(length) / SAMPLERATE
    cents = rng.normal(0.0, 5.0) - 25.0 * np.exp(-t / 0.03) + 3.0 * wander(length, 3.0, rng)
    cents += 3.0 * wander(length, 45.0, rng)  # lips are not an oscillator
    cents += 10.0 * np.clip((t - 0.2) / 0.3, 0.0, 1.0) * np.sin(2.0 * np.pi * 5.4 * t)
    k = np.arange(1, int(_HIGHEST / hz) + 1)
    frequencies = hz * 2.0 ** (cents / 1200.0)
    dark = wave(frequencies, 1.0 / k**2)
    bright = wave(frequencies, peak(1200.0, 6.0, 2.0)(k * hz) / k**0.9 * low_pass(5500.0)(k * hz))
    blown = np.minimum(1.0, t / 0.04) * (0.75 + 0.25 * np.exp(-t / 0.15))
    return faded((1.0 - blown) * normalise(dark) + blown * normalise(bright), 0.02, 0.06)


def pad(hz: float, seconds: float, rng: np.random.Generator, cutoff: float = 900.0) -> Sound:
    """Return a soft chord tone for long notes, shape (n, 2): six voices slightly apart, slow to come and to go."""
    length = int((seconds + 1.2) * SAMPLERATE)
    k = np.arange(1, int(min(_HIGHEST, 6.0 * cutoff) / hz) + 2)
    amplitudes = low_pass(cutoff, 1)(k * hz) / k
    sides = np.zeros((length, 2))
    for voice in range(6):
        cents = rng.normal(0.0, 5.0) + 3.0 * wander(length, 0.7, rng)
        sides[:, voice % 2] += wave(hz * 2.0 ** (cents / 1200.0), amplitudes)
    return faded(normalise(sides), 0.9, 1.2)


def bass(hz: float, seconds: float, rng: np.random.Generator, bright: float = 0.5) -> Sound:
    """Return a fingered bass guitar note."""
    string = pluck(hz, seconds, bright, rng, damping=0.994, position=0.25)
    t = np.arange(len(string)) / SAMPLERATE
    below = np.sin(2.0 * np.pi * hz * t) * np.exp(-t / 0.9) * np.minimum(1.0, t / 0.006)
    return faded(0.6 * equalise(string, low_pass(700.0 + 2500.0 * bright)) + 0.6 * below, 0.0005, 0.02)


def wave(frequencies: Sound, amplitudes: Sound) -> Sound:
    """Play one period with these partials at frequencies that may change from sample to sample, in Hz."""
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex128)
    count = min(len(amplitudes), _TABLE // 8)
    spectrum[1 : count + 1] = -0.5j * _TABLE * amplitudes[:count]
    table = np.fft.irfft(spectrum)
    place = np.cumsum(frequencies / SAMPLERATE) % 1.0 * _TABLE
    played: Sound = np.interp(place, np.arange(_TABLE + 1), np.append(table, table[0]))
    return played


def wander(length: int, hz: float, rng: np.random.Generator) -> Sound:
    """Return smooth noise of about unit size that changes some ``hz`` times a second."""
    count = max(2, int(length / SAMPLERATE * hz) + 2)
    places = np.linspace(0.0, count - 1.0, length)
    wandering: Sound = np.interp(places, np.arange(count), rng.standard_normal(count))
    return wandering


def normalise(sound: Sound) -> Sound:
    """Return the sound with its peak at 1."""
    return sound / max(1e-9, float(np.abs(sound).max()))


def _sine(turns: Sound) -> Sound:
    """Return the sine of a phase in turns; in float32, which is exact enough once whole turns are taken off."""
    radians = np.float32(2.0 * np.pi) * (turns - np.floor(turns)).astype(np.float32)
    sines: Sound = np.sin(radians)
    return sines


def _bins(length: int) -> Sound:
    return np.fft.rfftfreq(length, 1.0 / SAMPLERATE)
