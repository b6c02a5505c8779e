"""Export trained networks as one ONNX file that the live side can load.

    python -m train.export --runs runs/default/seed* --listeners runs/listeners/seed* --output model/default.onnx
    python -m train.export --runs runs/multi_task_2/seed0 --cache cache/mine --output mine.onnx

Runs with the heads quadrant, emotion, rating and presence (config/train/default.yaml) become one ensemble: the blend of
their outputs is fitted on the validation songs of the cache. With listeners (config/train/listeners.yaml) the ratings
come from these alone, the emotions from all. A single run of any other preset (config/train/multi_task_2.yaml) is
exported as it is, without its metadata heads, with the front-end that it was trained on. Before it appears, the file is
checked against torch on random windows and on those of the cache's held-out songs. For an int8 file of it:

    python -m train.quantise --model mine.onnx --cache cache/mine
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from train.common.console import needed

with needed(__name__):
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from model.export import ExportError, ModelCard, export_onnx
    from model.frontend import FrontEnd
    from model.networks.mood_ensemble import FEATURES, HEADS, MoodEnsemble
    from model.networks.single_head import SingleHead
    from train.common.console import command_parser, say, show
    from train.data.features import FeatureError, Pack, load_songs
    from train.data.negatives import TRAIN_VOICES
    from train.data.song import MOODS, Song
    from train.figures.calibration import calibration_error
    from train.learn.blend import Blend, cross_fitted_scores, fit_blend
    from train.learn.networks import ConfigurationError
    from train.learn.recordings import held_out_windows
    from train.learn.scoring import calibration_pairs, mood_figures, windows
    from train.learn.trained import load_trained, steps_done

LICENSE = "CC BY-NC-SA 4.0"
SAID = ("judged", "losses", "frontend", "data", "progress")
"""What an export needs to know of a run, beside its network."""

PRESENCE_SLOPE = 3.0
Batches = Iterable[NDArray[np.float32]]
"""Windows, each batch of shape (n, patch, n_mels)."""

DATA = {
    "4q": "4Q audio emotion dataset (Panda, Malheiro, Paiva 2018), research use",
    "emotify": "Emotify (Aljanaki, Wiering, Veltkamp 2016), audio CC BY-NC-SA",
    "musifeast17": "MUSIFEAST-17 (van der Walle et al. 2025), ratings CC0, audio for research use",
    "incompetech": "Kevin MacLeod (incompetech.com), CC BY 4.0",
    "negative": f"synthesised noise, hum, clicks, tones; espeak-ng speech of {len(TRAIN_VOICES)} voices",
}


def export_ensemble(
    folders: Sequence[Path],
    listeners: Sequence[Path],
    cache: Path,
    output: Path,
    card: tuple[str, str, str],
    batches: Batches = (),
) -> float:
    """Export runs as one ensemble with a fitted blend; return the greatest difference from torch.

    Args:
        folders: of runs that give quadrants, emotions and presence, and the ratings if nobody else does.
        listeners: folders of runs that give emotions and ratings.
        cache: prepared data, for the blend.
        output: file to write.
        card: name and version of the model, and the licence of its weights.
        batches: real windows to check the file on.
    """
    own = [head for head in HEADS if head != "rating" or not listeners]
    wanted = [(folder, own) for folder in folders] + [(folder, ["emotion", "rating"]) for folder in listeners]
    members, seeds = [], []
    for folder, heads in wanted:
        network, stored = load_trained(folder)
        _keep_heads(network, heads, folder)
        members.append(network)
        seeds.append(stored["seed"])
    ensemble = MoodEnsemble(members, torch.zeros(len(MOODS), FEATURES), torch.zeros(len(MOODS)), 1.0, 0.0).eval()
    songs = [song for song in load_songs(cache) if song.split == "validation"]
    features, presence, owners = ensemble_features(ensemble, songs, cache)
    blend = fit_blend(features, owners, songs)
    ensemble.weights, ensemble.bias = torch.from_numpy(blend.weights), torch.from_numpy(blend.bias)
    ensemble.presence_slope = PRESENCE_SLOPE
    ensemble.presence_threshold = presence_threshold(presence)
    record = training_record(songs, blend, features, owners, seeds)
    name, version, license_name = card
    return export_onnx(ensemble, output, ModelCard(MOODS, name, version, record, license_name), batches)


def export_single(folder: Path, output: Path, card: tuple[str, str, str], cache: Path) -> tuple[float, int]:
    """Export a run with its first judged head, the others dropped.

    Args:
        folder: of the run.
        output: file to write.
        card: name and version of the model, and the licence of its weights.
        cache: prepared data, for windows to check the file on.

    Returns:
        The greatest difference from torch, and the number of real windows it was looked for on.

    Raises:
        ConfigurationError: an older version trained the run, and did not write down what is needed.
        FrontEndError: the run's front-end is not one that this program computes.
    """
    network, stored = load_trained(folder)
    unsaid = [name for name in SAID if name not in stored]
    if unsaid:
        raise ConfigurationError(
            f"{folder} is a run of an older version ({', '.join(unsaid)} not said): train it anew with train.fit"
        )
    if pair := steps_done(folder):
        say(f"note: {folder} has done {pair[0]} of {pair[1]} steps and may go on: this is its best check so far")
    head = stored["judged"][0]
    frontend = FrontEnd.from_metadata(stored["frontend"])
    batches = _real_windows(cache, frontend)
    training = {
        **stored["data"],
        "seeds": [stored["seed"]],
        "steps": stored["progress"]["step"],
        "metrics": {"validation": stored.get("metrics", {})},
    }
    for other in stored["judged"][1:]:
        say(f"note: the head {other} is left out: a file has one, and {head} is the first that is judged")
    tagger = SingleHead(network, head, exclusive=stored["losses"][head] == "softmax")
    name, version, license_name = card
    model_card = ModelCard(tuple(stored["labels"][head]), name, version, training, license_name, frontend)
    return export_onnx(tagger, output, model_card, batches), sum(map(len, batches))


def ensemble_features(
    ensemble: MoodEnsemble, songs: Sequence[Song], cache: Path
) -> tuple[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, Any]]:
    """Return (features (windows, 14), presence logits (windows,), owners (windows,)) of the songs' windows."""
    pack = Pack(cache / "clean")
    features, presence, owners = [], [], []
    for number, song in enumerate(songs):
        frames = torch.from_numpy(windows(pack[song.key]))
        with torch.inference_mode():
            seen, music = ensemble.features(frames)
        features.append(seen.numpy())
        presence.append(music.numpy()[:, 0])
        owners.append(np.full(len(frames), number))
    return np.concatenate(features), np.concatenate(presence), np.concatenate(owners)


def presence_threshold(presence: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    """Return the presence logit at which music counts as half present.

    It lies so that 99 in 100 windows of validation music have a probability of music of 0.9 or more.
    """
    margin = float(np.log(0.9 / 0.1)) / PRESENCE_SLOPE
    return float(np.quantile(presence, 0.01)) - margin


def training_record(
    songs: Sequence[Song],
    blend: Blend,
    features: np.ndarray[Any, np.dtype[np.float32]],
    owners: np.ndarray[Any, Any],
    seeds: Sequence[int],
) -> dict[str, Any]:
    """Return what the file says of its training: data, seeds, and figures on the validation songs."""
    return {
        "data": DATA,
        "seeds": list(seeds),
        "validation": _figures(songs, blend.song_scores(features, owners, len(songs))),
        "validation, blend fitted without the song's artist": _figures(
            songs, cross_fitted_scores(features, owners, songs)
        ),
        "blend fitted on": "validation",
    }


def _figures(songs: Sequence[Song], scores: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    figures = {name: round(values[0], 3) for name, values in mood_figures(songs, scores).items()}
    figures["calibration error"] = round(calibration_error(*calibration_pairs(songs, scores)), 3)
    return figures


def _real_windows(cache: Path, frontend: FrontEnd) -> list[NDArray[np.float32]]:
    """Return windows of prepared songs to check a file on; none, and says why, where there are no fitting ones."""
    try:
        return held_out_windows(cache, frontend)
    except (FeatureError, FileNotFoundError) as error:
        say(f"train.export: checked on random windows only: {error}")
        return []


def _keep_heads(network: nn.Module, kept: Sequence[str], folder: Path) -> None:
    heads = network.get_submodule("heads")
    if not isinstance(heads, nn.ModuleDict) or not set(kept) <= set(heads):
        raise ValueError(f"{folder}: this member of the ensemble needs the heads {', '.join(kept)}")
    for name in [name for name in heads if name not in kept]:
        del heads[name]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = command_parser("train.export", __doc__)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders that train.fit wrote")
    parser.add_argument("--listeners", type=Path, nargs="+", default=[], help="folders of runs for the ratings")
    parser.add_argument("--output", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="prepared data (default %(default)s)")
    parser.add_argument("--name", help="name of the model (default: that of the output file)")
    parser.add_argument("--version", default="0.1.0", help="version of the model (default %(default)s)")
    parser.add_argument(
        "--license", help="of the weights (default: not stated; for an ensemble that of the default model's data)"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    name = options.name or options.output.stem
    try:
        _, first = load_trained(options.runs[0])
        if not set(HEADS) <= set(first["labels"]) and len(options.runs) == 1:
            card = (name, options.version, options.license or "not stated")
            difference, count = export_single(options.runs[0], options.output, card, options.cache)
        else:
            batches = _real_windows(options.cache, FrontEnd())
            count = sum(map(len, batches))
            difference = export_ensemble(
                options.runs,
                options.listeners,
                options.cache,
                options.output,
                (name, options.version, options.license or LICENSE),
                batches,
            )
    except (ExportError, ConfigurationError, OSError, ValueError) as error:
        say(f"train.export: {error}")
        return 1
    heard = f"{count} real windows and random ones"
    show(f"{options.output}: {options.output.stat().st_size / 1e6:.2f} MB, within {difference:.1g} of torch on {heard}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
