"""The default model's four data sets as what a run learns from, and the figures the model is judged by.

material = song_material(Path("cache"))
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from model.frontend import FrontEnd
from train.data.features import Pack, load_songs, negatives
from train.data.song import Song
from train.losses import Loss
from train.material import Head, Judgement, Material
from train.scoring import mood_predictor, score_songs
from train.targets import build_targets
from train.validation import mood_figures, selection_score

FIGURES = ("4Q accuracy", "4Q PR-AUC", "Emotify PR-AUC", "valence r", "arousal r")


def song_material(cache: Path) -> Material:
    """Return what ``python -m train.prepare --music`` made; raises FileNotFoundError if it did not."""
    songs = [*load_songs(cache), *negatives(cache)]
    clean = Pack(cache / "clean")
    validation = [song for song in songs if song.split == "validation"]

    def head(name: str, loss: Loss) -> Head:
        del loss
        return build_targets(name, songs)

    return Material(
        songs=songs,
        frontend=FrontEnd(),
        clean=ChainMap({k: clean[k] for k in clean}, {k: v[k] for v in [Pack(cache / "negative")] for k in v}),
        degraded=[Pack(path.with_suffix("")) for path in sorted(cache.glob("degraded*.index"))],
        head=head,
        judge=lambda network: judge(network, validation, clean),
        description={"data": sorted({song.dataset for song in songs})},
    )


def judge(network: nn.Module, validation: Sequence[Song], clean: Pack) -> Judgement:
    """Return the project's figures on the validation songs."""
    found = mood_figures(validation, score_songs(mood_predictor(network), validation, clean))
    return Judgement({name: found[name][0] for name in FIGURES if name in found}, selection_score(found))
