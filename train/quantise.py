"""Turn a model into int8 and say what that costs and what it brings, on real music.

    python -m train.quantise --model model.onnx --cache cache                  # data of train.prepare, with labels
    python -m train.quantise --model model.onnx --music ~/Music --output small.onnx

For any ONNX file of train.export. Ranges of the activations come from a window each of some songs; then both files hear
other songs, and it prints how far their probabilities are apart, how often the same label leads, the macro PR-AUC of
the songs' scores before and after where the songs' labels are known, and the time of a window on this machine: the
least of interleaved repeats, one thread, so that other work disturbs little. Wide convolutions (kumar_dahiya) gain;
narrow ones (the default model) hardly or nothing, and then it says so: keep the float file, or leave more convolutions
in float with --fewest-channels 64. See docs/quantisation.md.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from train.common.console import needed

with needed(__name__):
    import numpy as np
    from numpy.typing import NDArray

    from model.contract import Model, ModelError, load
    from model.export import Agreement, Predict, compare
    from model.quantise import FEWEST_CHANNELS, Quantised, QuantiseError, quantise
    from train.common.console import command_parser, say, show
    from train.figures.ranking import mean_of_known, pr_aucs
    from train.learn.recordings import Recordings, Truth, from_cache, from_music, spread

BATCH = 8
"""Windows scored at a time: bounds the memory, whatever a song's length."""

WORTH = 1.05
"""The int8 file is called faster if the float file takes this many times as long."""


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """The int8 file beside the float file.

    Attributes:
        agreement: of the two on the windows of held-out songs.
        songs: held out.
        pr_auc: macro, of the songs' scores, before and after; None where no label is known.
        labels: that the PR-AUC is the mean over.
        milliseconds: for a window, before and after.
        megabytes: of the files, before and after.
    """

    agreement: Agreement
    songs: int
    pr_auc: tuple[float, float] | None
    labels: int
    milliseconds: tuple[float, float]
    megabytes: tuple[float, float]


class SongScores:
    """A model that keeps the mean of what it answers: the score of a song, if it is given a song at a time."""

    def __init__(self, model: Model) -> None:
        self.means: list[NDArray[np.float32]] = []
        self._model = model

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities (n, labels) of windows (n, patch, n_mels)."""
        parts = [self._model.predict(windows[begin : begin + BATCH]) for begin in range(0, len(windows), BATCH)]
        answers = np.concatenate(parts)
        self.means.append(answers.mean(axis=0))
        return answers


def compare_files(float_path: Path, int8_path: Path, recordings: Recordings, songs: int, repeats: int) -> Comparison:
    """Return what int8 costs and brings.

    Args:
        float_path: the file as exported.
        int8_path: the one that model.quantise made from it.
        recordings: of which the held-out songs are heard.
        songs: at most so many of them.
        repeats: of a window for the time.
    """
    first, second = load(float_path), load(int8_path)
    scores = SongScores(first), SongScores(second)
    chosen = spread(len(recordings.held_out), songs)
    heard: list[int] = []
    sample: list[NDArray[np.float32]] = []

    def batches() -> Iterator[NDArray[np.float32]]:
        for number, windows in zip(chosen, recordings.windows([recordings.held_out[i] for i in chosen]), strict=True):
            if len(windows):
                heard.append(number)
                sample[:] = [windows[:1]]
                yield windows

    agreement = compare(*scores, batches())
    before, labels = macro_pr_auc(first.info.labels, np.array(scores[0].means), recordings.truth, heard)
    after, _ = macro_pr_auc(first.info.labels, np.array(scores[1].means), recordings.truth, heard)
    return Comparison(
        agreement,
        len(heard),
        (before, after) if labels else None,
        labels,
        window_milliseconds((first.predict, second.predict), sample[0], repeats),
        (float_path.stat().st_size / 1e6, int8_path.stat().st_size / 1e6),
    )


def macro_pr_auc(
    labels: Sequence[str], scores: NDArray[np.floating], truth: Truth | None, songs: Sequence[int]
) -> tuple[float, int]:
    """Return the mean of the labels' average precisions and the number of labels it is the mean over.

    A label counts if model and truth both know it, and it has positives and negatives among the songs.

    Args:
        labels: of the scores' columns.
        scores: shape (songs, labels).
        truth: of the recordings, None if nothing is known.
        songs: rows of the truth that the scores are of.
    """
    areas = []
    for column, name in enumerate(labels):
        if truth is None or name not in truth.labels:
            continue
        known = truth.known[songs, truth.labels.index(name)]
        positive = truth.positive[songs, truth.labels.index(name)][known]
        if 0 < positive.sum() < len(positive):
            areas.append(float(pr_aucs(scores[known, column][:, None], positive[:, None])[0]))
    return mean_of_known(np.array(areas)) if areas else float("nan"), len(areas)


def window_milliseconds(
    predictors: tuple[Predict, Predict], window: NDArray[np.float32], repeats: int
) -> tuple[float, float]:
    """Return the least time of each predictor for one window (1, patch, n_mels), in milliseconds; they take turns.

    It is the time of this thread, in which a model computes alone: waiting for other programs does not count.
    """
    least = [float("inf"), float("inf")]
    for _ in range(max(2, repeats)):
        for number, predict in enumerate(predictors):
            begin = time.thread_time()
            predict(window)
            least[number] = min(least[number], 1e3 * (time.thread_time() - begin))
    return least[0], least[1]


def report(quantised: Quantised, comparison: Comparison) -> str:
    """Return what was done and measured as text."""
    agreement, (before, after), sizes = comparison.agreement, comparison.milliseconds, comparison.megabytes
    lines = [
        f"convolutions        {quantised.convolutions} in int8, {quantised.floats} in float; ranges from "
        f"{quantised.windows} windows",
        f"pooling             {quantised.moved} moved before the batch normalisation, {quantised.left} left after it",
        f"probabilities       differ by {agreement.mean:.5f} in the mean, {agreement.greatest:.4f} at most "
        f"({agreement.windows} windows of {comparison.songs} held-out songs)",
        f"same leading label  {100 * agreement.leading:.1f} % of the windows",
    ]
    if comparison.pr_auc is not None:
        one, other = comparison.pr_auc
        change = round(other - one, 4) + 0.0  # no minus before nought
        lines.append(
            f"macro PR-AUC        {one:.4f} -> {other:.4f} ({change:+.4f}; by song, mean of {comparison.labels} labels)"
        )
    lines.append(f"size                {sizes[0]:.2f} -> {sizes[1]:.2f} MB")
    lines.append(f"a window            {before:.2f} -> {after:.2f} ms, {before / after:.2f} times as fast")
    if before < WORTH * after:
        lines.append("int8 is not faster on this machine: keep the float file, unless it is the size that matters")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = command_parser("train.quantise", __doc__)
    parser.add_argument("--model", type=Path, required=True, help="ONNX file of train.export")
    parser.add_argument("--output", type=Path, help="ONNX file to write (default: MODEL-int8.onnx beside it)")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--cache", type=Path, help="folder of train.prepare: training songs calibrate, others judge")
    source.add_argument("--music", type=Path, help="folder of any sound files: every second one judges")
    parser.add_argument("--windows", type=int, default=256, help="songs to calibrate with, a window each (%(default)s)")
    parser.add_argument("--songs", type=int, default=200, help="most songs to measure on (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=100, help="of a window for the time (default %(default)s)")
    channels_help = "convolutions of fewer input channels stay in float (default %(default)s)"
    parser.add_argument("--fewest-channels", type=int, default=FEWEST_CHANNELS, help=channels_help)
    options = parser.parse_args(arguments)
    for name in ("windows", "songs", "repeats", "fewest_channels"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    output = options.output or options.model.with_name(f"{options.model.stem}-int8.onnx")
    if output.resolve() == options.model.resolve():
        parser.error("--output would overwrite --model")
    try:
        frontend = load(options.model).info.frontend
        recordings = from_cache(options.cache, frontend) if options.cache else from_music(options.music, frontend)
        names = [recordings.calibration[number] for number in spread(len(recordings.calibration), options.windows)]
        quantised = quantise(options.model, output, recordings.windows(names, each=1), options.fewest_channels)
        comparison = compare_files(options.model, output, recordings, options.songs, options.repeats)
    except (ModelError, QuantiseError, OSError, ValueError) as error:
        say(f"train.quantise: {error}")
        return 1
    show(f"{output}\n{report(quantised, comparison)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
