"""Sound that is not music: silence, noise, hum, clicks, tones, and speech spoken by espeak-ng.

The network learns from these that there is no mood to report. What judges it is held out: other voices and languages,
other texts, other signal-to-noise ratios, textbook noises.

    python -m train.data.negatives --output speech.wav --voice en-us --text "Good morning."   # hear what it learns from
"""

from __future__ import annotations

import io
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from train.common.console import command_parser
from train.data.audio import RATE, read_audio
from train.data.degrade import add_room, coloured_noise, mains_hum

Samples = NDArray[np.float64]
SECONDS = 12

TRAIN_VOICES = (
    "en-gb", "en-gb+f1", "en-gb+m1", "en-gb+m3", "en-gb+f3", "de", "de+f2", "fr-fr", "fr-fr+m2", "es", "es+f1",
    "it", "it+f3", "pl", "pt-br", "ru", "ru+f2", "nl", "cs", "sv", "hu", "tr", "cmn", "hi", "ar", "ja", "ro",
)  # fmt: skip
VALIDATION_VOICES = ("en-us", "en-us+f4", "en-us+m5", "en-029+m7", "fi", "fi+f5", "el", "id", "sk", "ca+f4", "vi")

_TRAIN_TEXTS = (
    "The train to the coast leaves from platform nine, and it stops at every village on the way.",
    "Please bring the blue folder, two pencils, and the list that I left on the kitchen table.",
    "In the evening the wind turned to the west, and the forecast spoke of rain before midnight.",
    "Turn left after the bridge. Follow the river for two kilometres. Your destination is on the right.",
    "She counted the coins again: seven, eleven, thirteen. It was not enough for both tickets.",
    "Our office is open from Monday to Friday between eight and five. Leave a message after the tone.",
    "What did the committee decide? Nothing yet; they will meet again on the third of October.",
    "Water boils at a lower temperature on a mountain, so the potatoes took nearly an hour.",
)
_VALIDATION_TEXTS = (
    "Good morning, and welcome to the seven o'clock news. Here are the main stories of the day.",
    "To repair the clock, first remove the four small screws at the back, then lift the cover gently.",
    "My grandfather kept bees behind the old school, and every summer he gave us a jar of honey.",
    "The number you have dialled is not available. Try again later, or stay on the line!",
)


def training_negative(index: int) -> Samples:
    """Return the training example number ``index``, 12 seconds of mono 16 kHz sound; the same for the same number."""
    rng = np.random.default_rng([20210901, index])
    size = SECONDS * RATE
    kinds: tuple[tuple[float, Callable[[int, np.random.Generator], Samples]], ...] = (
        (0.26, _noise), (0.16, _hum), (0.06, _silence), (0.07, _clicks), (0.07, _tones), (0.38, _speech),
    )  # fmt: skip
    kind = rng.choice(len(kinds), p=[share for share, _ in kinds])
    samples = kinds[kind][1](size, rng)
    peak = np.abs(samples).max()
    if kind == 2 or peak == 0:  # silence keeps its level
        return samples
    return samples / peak * 10.0 ** (rng.uniform(-45.0, 0.0) / 20.0)


def validation_negatives() -> dict[str, list[Samples]]:
    """Return held-out sound by kind: ``silence``, ``noise``, ``hum``, ``speech``, ``noisy speech``."""
    rng = np.random.default_rng(99)
    size = SECONDS * RATE
    time = np.arange(size) / RATE
    hums = []
    for frequency in (50.0, 60.0):
        for harmonics in (1, 3, 10, 40):
            for odd in (1, 2):
                orders = range(1, harmonics + 1, odd)
                hum = sum(np.sin(2 * np.pi * k * frequency * time) / k for k in orders)
                hums.append(0.1 * hum + 1e-4 * rng.standard_normal(size))
    noises = [level * coloured_noise(size, slope, rng) for slope in (0.0, -1.0, -2.0) for level in (0.003, 0.03, 0.15)]
    speeches = [
        speak(voice, text, speed=speed)
        for number, voice in enumerate(VALIDATION_VOICES)
        for text, speed in zip(_VALIDATION_TEXTS, (130, 155, 180, 205), strict=True)
        if (number + speed) % 2 or voice == "en-us"
    ]
    speeches = [_fit(speech, size) for speech in speeches]
    noisy = [
        speech + _level(speech) * 10 ** (-ratio / 20) * coloured_noise(size, -1.0, rng)
        for speech, ratio in zip(speeches, (0, 5, 10, 20) * len(speeches), strict=False)
    ]
    return {
        "silence": [np.zeros(size), np.full(size, 0.02), rng.standard_normal(size) * 10 ** (-90 / 20)],
        "noise": noises,
        "hum": hums,
        "speech": speeches,
        "noisy speech": noisy,
    }


def speak(voice: str, text: str, speed: int = 160, pitch: int = 50) -> Samples:
    """Return speech by espeak-ng, shape (n,), 16 kHz.

    Raises:
        RuntimeError: if espeak-ng is missing or knows no such voice.
    """
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", text]
    try:
        spoken = subprocess.run(command, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise RuntimeError("espeak-ng is missing (Debian: apt-get install espeak-ng)") from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"espeak-ng: {error.stderr.decode(errors='replace').strip()}") from error
    return read_audio(io.BytesIO(spoken)).astype(np.float64)


def _noise(size: int, rng: np.random.Generator) -> Samples:
    noise = coloured_noise(size, rng.uniform(-2.5, 1.0), rng)
    if rng.random() < 0.4:
        centre = float(np.exp(rng.uniform(np.log(150.0), np.log(5000.0))))
        band = (centre / rng.uniform(1.2, 3.0), min(centre * rng.uniform(1.2, 3.0), 7900.0))
        noise = signal.sosfilt(signal.butter(2, band, "bandpass", fs=RATE, output="sos"), noise)
        noise += rng.uniform(0.0, 0.1) * _level(noise) * rng.standard_normal(size)
    if rng.random() < 0.4:  # wind, surf, passing cars: slow swells
        swell = coloured_noise(size, -2.0, rng)
        swell = signal.sosfilt(signal.butter(2, rng.uniform(0.3, 4.0), fs=RATE, output="sos"), swell)
        noise = noise * np.exp(rng.uniform(0.2, 1.0) * swell / max(_level(swell), 1e-9))
    return noise


def _hum(size: int, rng: np.random.Generator) -> Samples:
    frequency = float(rng.choice([50.0, 60.0])) if rng.random() < 0.8 else rng.uniform(25.0, 400.0)
    hum = mains_hum(size, frequency, rng)
    if rng.random() < 0.3:  # a single partial
        hum = np.sin(2 * np.pi * frequency * rng.integers(1, 7) * np.arange(size) / RATE)
    return hum + 10.0 ** (-rng.uniform(5.0, 80.0) / 20.0) * coloured_noise(size, rng.uniform(-1.5, 0.2), rng)


def _silence(size: int, rng: np.random.Generator) -> Samples:
    if rng.random() < 0.4:
        return np.zeros(size)
    return 10.0 ** (rng.uniform(-110.0, -70.0) / 20.0) * coloured_noise(size, rng.uniform(-1.5, 0.0), rng)


def _clicks(size: int, rng: np.random.Generator) -> Samples:
    rate = float(np.exp(rng.uniform(np.log(1.0), np.log(300.0))))
    impulses = (rng.random(size) < rate / RATE) * rng.standard_normal(size)
    impulses[int(rng.integers(size))] = 1.0
    decay = rng.uniform(0.5, 0.99)
    ringing = signal.lfilter([1.0], [1.0, -2 * decay * np.cos(rng.uniform(0.05, 2.5)), decay**2], impulses)
    return ringing + 1e-3 * np.abs(ringing).max() * coloured_noise(size, -1.0, rng)


def _tones(size: int, rng: np.random.Generator) -> Samples:
    time = np.arange(size) / RATE
    start, end = np.exp(rng.uniform(np.log(100.0), np.log(4000.0), 2))
    if rng.random() < 0.6:
        end = start
    tone = np.sin(2 * np.pi * np.cumsum(np.geomspace(start, end, size)) / RATE)
    if rng.random() < 0.5:  # telephone and alarm: the tone is keyed
        tone *= (time * rng.uniform(0.3, 4.0)) % 1.0 < rng.uniform(0.2, 0.8)
    return tone + 10.0 ** (-rng.uniform(20.0, 70.0) / 20.0) * coloured_noise(size, -1.0, rng)


def _speech(size: int, rng: np.random.Generator) -> Samples:
    speech = np.zeros(size)
    for _ in range(1 if rng.random() < 0.8 else 3):  # one speaker, or a babble of three
        text = " ".join(rng.permutation(np.array(_TRAIN_TEXTS))[:3])
        words = speak(str(rng.choice(TRAIN_VOICES)), text, int(rng.integers(110, 230)), int(rng.integers(20, 80)))
        speech += np.roll(_fit(words, size), int(rng.integers(size)))
    if rng.random() < 0.4:
        speech = add_room(speech.astype(np.float32), rng).astype(np.float64)
    if rng.random() < 0.5:
        noise = coloured_noise(size, rng.uniform(-2.0, 0.3), rng)
        speech = speech + _level(speech) * 10.0 ** (-rng.uniform(-3.0, 40.0) / 20.0) * noise
    return speech


def _fit(samples: Samples, size: int) -> Samples:
    return np.resize(samples, size)  # repeats what is shorter


def _level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def main() -> None:
    """Write one spoken example to a WAV file."""
    parser = command_parser("train.data.negatives", __doc__)
    parser.add_argument("--output", type=Path, required=True, help="WAV file to write")
    parser.add_argument("--voice", default="en-us", help="espeak-ng's name of the voice (default %(default)s)")
    parser.add_argument("--text", default=_VALIDATION_TEXTS[0], help="what to say")
    arguments = parser.parse_args()
    with wave.open(str(arguments.output), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(speak(arguments.voice, arguments.text), -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
