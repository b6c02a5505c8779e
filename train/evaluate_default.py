"""Print how good a model is on the prepared songs: figures with 95 % intervals, calibration, robustness.

    python -m train.evaluate_default --model model/default.onnx            # everything about one model
    python -m train.evaluate_default --model runs/default/seed*            # figures of several runs, mean and deviation

A song's score is the mean over its non-overlapping 187-frame windows. Intervals are of songs drawn anew. A run's folder
is judged by its raw heads (no blend, no calibration): quadrants from their softmax, emotions from their sigmoids.
The validation songs also served to choose and to fit the blend, so their figures flatter a little.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from train.common.console import needed

with needed(__name__):
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from sklearn.metrics import average_precision_score, roc_auc_score

    from model.contract import ModelError
    from model.contract import load as load_model
    from train.common.console import command_parser, say, show
    from train.data.features import Pack, load_songs
    from train.data.song import EMOTIONS, MOODS, QUADRANTS, Song
    from train.figures.bootstrap import bootstrap
    from train.figures.calibration import calibration_error
    from train.learn.scoring import (
        EMOTION_COLUMNS,
        Predict,
        annotated,
        at_levels,
        calibration_pairs,
        mood_figures,
        mood_predictor,
        not_music,
        score_songs,
        truths,
        when_degraded,
    )
    from train.learn.trained import load_trained

DRAWS = 1000
"""Draws of the songs for each interval."""


def load_predictor(path: Path) -> Predict:
    """Return what predicts the nine moods: an ONNX file's or a run's.

    Raises:
        ValueError: if the model knows other moods.
    """
    if path.is_dir():
        network, _ = load_trained(path)
        return mood_predictor(network)
    model = load_model(path)
    missing = [name for name in MOODS if name not in model.info.labels]
    if missing:
        raise ValueError(f"{path} has no mood called {missing[0]}: it cannot be judged on these songs")
    columns = [model.info.labels.index(name) for name in MOODS]
    return lambda frames: model.predict(frames)[:, columns]


def label_table(songs: Sequence[Song], scores: NDArray[np.float64]) -> list[tuple[str, str, int, float, float, float]]:
    """Return (data set, mood, positives, average precision, ROC area, calibration error) per annotated mood."""
    where = annotated(songs)
    quadrants, emotions, _ = truths(songs)
    rows = []
    for dataset, names, positives, columns, indices in (
        ("4Q", QUADRANTS, np.eye(4, dtype=bool)[quadrants], list(range(4)), where["quadrant"]),
        ("Emotify", EMOTIONS, emotions, EMOTION_COLUMNS, where["emotions"]),
    ):
        for number, name in enumerate(names):
            score, truth = scores[indices][:, columns[number]], positives[:, number]
            if 0 < truth.sum() < len(truth):
                precision, area = average_precision_score(truth, score), roc_auc_score(truth, score)
                error = calibration_error(score, truth)
                rows.append((dataset, name, int(truth.sum()), float(precision), float(area), error))
    return rows


def report(path: Path, cache: Path, split: str) -> str:
    """Return everything about one model as text."""
    predict = load_predictor(path)
    songs = [song for song in load_songs(cache) if song.split == split]
    scores = score_songs(predict, songs, Pack(cache / "clean"))
    figures = mood_figures(songs, scores, draws=DRAWS)
    lines = [f"{path} on the {split} split, {len(songs)} songs", "", f"{'figure':<18}  value  95 % interval"]
    lines += [f"{name:<18}  {value:.3f}  {low:.3f} … {high:.3f}" for name, (value, low, high) in figures.items()]
    pairs = calibration_pairs(songs, scores)
    low, high = bootstrap(calibration_error, pairs, DRAWS)
    lines += [f"{'calibration error':<18}  {calibration_error(*pairs):.3f}  {low:.3f} … {high:.3f}", ""]
    lines.append(f"{'mood':<20}  positives  PR-AUC  ROC-AUC  calibration error")
    for dataset, name, count, precision, area, error in label_table(songs, scores):
        lines.append(f"{dataset + ' ' + name:<20}  {count:>9}   {precision:.3f}    {area:.3f}              {error:.3f}")
    lines += ["", "change of the figures"]
    changed = at_levels(predict, songs, cache)
    degraded = when_degraded(predict, songs, cache)
    if degraded:
        changed["degraded"] = degraded
    for name, found in changed.items():
        parts = [f"{figure} {value - figures[figure][0]:+.3f}" for figure, value in found.items()]
        lines.append(f"{name:<9} {'  '.join(parts)}")
    lines += ["", f"{'not music':<14} windows  highest probability: mean  greatest  windows at 0.5 or more"]
    for kind, highest in not_music(predict).items():
        lines.append(
            f"{kind:<14} {len(highest):>7}  {highest.mean():>26.3f}  {highest.max():>8.3f}  {(highest >= 0.5).sum():>5}"
        )
    return "\n".join(lines)


def comparison(paths: Sequence[Path], cache: Path, split: str) -> str:
    """Return the figures of several models, their mean and standard deviation, as text."""
    songs = [song for song in load_songs(cache) if song.split == split]
    pack = Pack(cache / "clean")
    table = [mood_figures(songs, score_songs(load_predictor(path), songs, pack)) for path in paths]
    width = max(len(str(path)) for path in paths)
    lines = [f"{'':<{width}}  " + "  ".join(f"{name:>15}" for name in table[0])]
    for path, figures in zip(paths, table, strict=True):
        lines.append(f"{path!s:<{width}}  " + "  ".join(f"{value:>15.3f}" for value, _, _ in figures.values()))
    values = np.array([[value for value, _, _ in figures.values()] for figures in table])
    lines.append(f"{'mean':<{width}}  " + "  ".join(f"{value:>15.3f}" for value in values.mean(axis=0)))
    lines.append(f"{'deviation':<{width}}  " + "  ".join(f"{value:>15.3f}" for value in values.std(axis=0, ddof=1)))
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = command_parser("train.evaluate_default", __doc__)
    parser.add_argument("--model", type=Path, nargs="+", required=True, help="ONNX files or folders of runs")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="prepared data (default %(default)s)")
    parser.add_argument("--split", default="validation", choices=("train", "validation"), help="default %(default)s")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        single = len(options.model) == 1
        show(
            report(options.model[0], options.cache, options.split)
            if single
            else comparison(options.model, options.cache, options.split)
        )
    except (ModelError, OSError, ValueError, RuntimeError) as error:
        say(f"train.evaluate_default: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
