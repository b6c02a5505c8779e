"""A training run is judged by its checkpoint as the file is that it exports to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from model.frontend import FrontEnd
from tests.train import small_music
from train.learn.networks import build_network
from train.learn.trained import save
from train.report.candidate import CandidateError, load_candidate
from train.report.journal import Score
from train.report.songs import score_file, score_streaming

DESCRIPTION = {"kind": "kumar_dahiya", "channels": [4, 4, 4, 4, 4]}


def write_run(folder: Path, **changes: Any) -> Path:
    """Write a run that has learnt nothing, and return its folder."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    labels = {"mood": ["happy", "sad", "calm"], "artist": ["a", "b"]}
    network = build_network(DESCRIPTION, {name: len(names) for name, names in labels.items()})
    stored = {
        "weights": network.state_dict(),
        "labels": labels,
        "description": DESCRIPTION,
        "losses": {"mood": "sigmoid", "artist": "sigmoid"},
        "judged": ["mood"],
        "first_frames": None,
        "frontend": FrontEnd().to_metadata(),
        "seed": 0,
    }
    save(stored | changes, folder / "best.pt")
    return folder


def test_a_checkpoint_scores_as_its_export_does_in_the_stream(tmp_path: Path) -> None:
    candidate = load_candidate(write_run(tmp_path / "seed0"))
    assert candidate.labels == ("happy", "sad", "calm")
    path = tmp_path / "song.wav"
    small_music.write_wav(path, small_music.piece(3, 10.0))
    offline = score_file(candidate, path)
    with candidate.onnx_file() as model:
        streaming = dict(score_streaming(model, candidate, [path], jobs=1))[path]
    assert not model.exists()
    assert isinstance(offline, Score)
    assert isinstance(streaming, Score)
    assert streaming.probabilities == pytest.approx(offline.probabilities, abs=1e-5)
    assert score_file(candidate, path) == offline  # the export left the network as it was


def test_exclusive_labels_sum_to_one(tmp_path: Path) -> None:
    run = write_run(tmp_path / "seed0", losses={"mood": "softmax", "artist": "sigmoid"}, first_frames=1812)
    candidate = load_candidate(run)
    path = tmp_path / "song.wav"
    small_music.write_wav(path, small_music.piece(3))
    score = score_file(candidate, path)
    assert isinstance(score, Score)
    assert sum(score.probabilities) == pytest.approx(1, abs=1e-6)
    assert "first 1812 frames" in candidate.remarks[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"description": {"kind": "kumar_dahiya", "channels": [4, 4, 4, 4, 8]}}, "weights of another network"),
        ({"frontend": FrontEnd().to_metadata() | {"power": 1}}, "another front-end: power is 1 in the file"),
        ({"labels": {"artist": ["a"], "language": ["x", "y"]}, "judged": ["artist", "language"]}, "best.pt"),
        ({"losses": None}, "lacks what a run's file holds"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_one_line(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CandidateError, match=said) as caught:
        load_candidate(write_run(tmp_path / "seed0", **changes))
    assert "\n" not in str(caught.value)
