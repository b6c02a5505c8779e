"""What a run learns from a data set: targets of training songs alone, masks for what is unknown."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.frontend import FrontEnd
from tests.train import own_songs
from train.data.features import Features
from train.data.manifest import Entry, Manifest
from train.data.table import AnnotationError
from train.learn.batches import Batches, Cut, Group
from train.learn.configuration import load
from train.learn.corpus import Corpus
from train.learn.fitting import corpus_material
from train.learn.loop import Mix, Run

NAN = np.nan
CONFIG = Path("config/train")


def corpus(rows: list[tuple[str, dict[str, str]]], rates: list[float] | None = None, frames: int = 200) -> Corpus:
    """Songs with a split and metadata each, one label, and frames that tell their number and their place."""
    entries = tuple(Entry(f"s{i}", Path(f"s{i}"), known, split) for i, (split, known) in enumerate(rows))
    values = np.array(rates or [i % 2 for i in range(len(rows))], np.float32)[:, None]
    manifest = Manifest("mine", entries, ("happy",), values)
    place = np.arange(frames, dtype=np.float16)[:, None].repeat(96, axis=1)
    packs = {entry.id: place / 1000 for entry in entries}
    return Corpus(manifest, Features(manifest, FrontEnd(), packs, {}), "given", 0)


PARTS = ["train"] * 4 + ["validation", "test"]


class TestTargets:
    @given(st.lists(st.tuples(st.sampled_from(PARTS), st.integers(0, 80)), min_size=1, max_size=150))
    def test_artists_are_the_50_of_most_training_songs(self, songs: list[tuple[str, int]]) -> None:
        rows = [(split, {"artist": f"a{artist:02}"}) for split, artist in songs]
        heard = [known["artist"] for split, known in rows if split == "train"]
        if not heard:
            with pytest.raises(ValueError, match="no training song of mine says its artist"):
                corpus(rows).head("artist", "sigmoid")
            return
        head = corpus(rows).head("artist", "sigmoid")
        assert len(head.labels) == min(50, len(set(heard)))
        assert set(head.labels) <= set(heard)
        least = min(heard.count(name) for name in head.labels)
        assert all(heard.count(name) <= least for name in set(heard) - set(head.labels))
        for row, (_, known) in enumerate(rows):
            assert head.targets[row].sum() == (known["artist"] in head.labels)
        assert head.mask.all()

    def test_other_songs_change_no_vocabulary(self) -> None:
        train = [("train", {"artist": f"a{i % 3}", "year": str(1990 + i), "language": "en"}) for i in range(6)]
        train.append(("train", {"language": "de"}))
        other = [(part, {"artist": "b", "year": "2099", "language": "fr"}) for part in ("validation", "test")] * 9
        for name in ("artist", "year", "language"):
            assert corpus(train).head(name, "sigmoid").labels == corpus(train + other).head(name, "sigmoid").labels

    def test_missing_metadata_is_masked_and_another_value_is_not(self) -> None:
        rows = [
            ("train", {"artist": "a", "year": "2001", "language": "en"}),
            ("train", {}),
            ("test", {"language": "fr"}),
        ]
        for name in ("artist", "year", "language"):
            assert corpus(rows).head(name, "sigmoid").mask[1].sum() == 0
        assert corpus(rows).head("language", "sigmoid").mask[2].all()
        rows.append(("train", {"language": "de"}))
        # One of exclusive labels must be true, so here another value says nothing.
        assert corpus(rows).head("language", "softmax").mask[2].sum() == 0

    def test_what_is_not_annotated_is_masked(self) -> None:
        head = corpus([("train", {})] * 3, [1.0, NAN, 0.3]).head("mood", "sigmoid")
        assert head.mask[:, 0].tolist() == [1, 0, 1]
        assert head.targets[:, 0].tolist() == [1, 0, 0]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("composer", "mine has no metadata called composer; there is artist, language"),
            ("year", "no training song of mine says its year"),
            ("language", "no training song of mine says its language"),
        ],
    )
    def test_metadata_that_is_not_there(self, name: str, message: str) -> None:
        songs = corpus([("train", {"artist": "a"}), ("test", {"artist": "a", "language": "en"})])
        with pytest.raises(ValueError, match=message):
            songs.head(name, "sigmoid")

    def test_a_data_set_without_labels_has_no_moods(self) -> None:
        songs = corpus([("train", {"artist": "ab"[i % 2]}) for i in range(4)])
        manifest = dataclasses.replace(songs.manifest, labels=(), rates=np.zeros((4, 0), np.float32))
        without = Corpus(manifest, songs.features, "given", 0)
        assert without.head("artist", "softmax").labels == ("a", "b")
        with pytest.raises(ValueError, match="mine has no labels to learn moods from, only metadata: artist"):
            without.head("mood", "sigmoid")

    def test_a_song_without_metadata_gives_the_metadata_no_gradient(self) -> None:
        rows = [("train", {"artist": f"a{i}"} if i % 2 else {}) for i in range(6)] + [("validation", {})] * 2
        configuration = load(CONFIG / "multi_task_1.yaml", own_songs.TINY)
        run = Run(configuration, corpus_material(corpus(rows), configuration), seed=0)
        outputs = {name: torch.zeros(6, len(head.labels), requires_grad=True) for name, head in run.heads.items()}
        run.loss(outputs, torch.arange(6), Mix(torch.arange(6), torch.ones(6))).backward()
        moved = outputs["artist"].grad
        assert moved is not None
        assert (moved[::2] == 0).all()
        assert (moved[1::2] != 0).all()
        assert outputs["mood"].grad is not None
        assert (outputs["mood"].grad != 0).all()


class TestSplits:
    def test_songs_shorter_than_a_window_are_left_out_and_said(self) -> None:
        songs = corpus([("train", {}), ("validation", {}), ("test", {})] * 2)
        assert songs.long_enough(200).remarks == ()
        frames = {f"s{i}": np.zeros((200 - 10 * (i == 5), 96), np.float16) for i in range(6)}
        features = Features(songs.manifest, FrontEnd(), frames, {})
        shorter = Corpus(songs.manifest, features, "given", 0).long_enough(200)
        assert len(shorter.manifest) == 5
        assert shorter.remarks == ("1 of 6 songs are left out: shorter than a window (200 frames)",)
        assert shorter.split("given", 0).remarks == shorter.remarks

    @pytest.mark.parametrize("missing", ["train", "validation"])
    def test_an_empty_split_is_one_line(self, missing: str) -> None:
        rest = [(part, {}) for part in ("train", "validation", "test") if part != missing]
        with pytest.raises(AnnotationError, match=rf"\Ano song of the split {missing} of mine is as long as a window"):
            corpus(rest).long_enough(187)

    def test_labels_without_positives_are_said_and_the_score_is_of_the_others(self) -> None:
        songs = corpus([("train", {"artist": "ab"[i % 2]}) for i in range(4)] + [("validation", {"artist": "a"})] * 3,
                       [0, 0, 0, 0, 1, 0, 1])  # fmt: skip
        configuration = load(CONFIG / "multi_task_1.yaml", (*own_songs.TINY, "judged=[mood, artist]"))
        material = corpus_material(songs, configuration)
        assert material.remarks == (
            "mood: no training song has happy: never learnt",
            "artist: no validation song has b: not in the figures",
        )
        judgement = material.judge(Run(configuration, material, 0).network)
        areas = [judgement.figures[f"{name} PR-AUC"] for name in ("mood", "artist")]
        assert judgement.score == pytest.approx(np.mean(areas))

    def test_a_head_that_nobody_can_judge_does_not_hide_the_others(self) -> None:
        songs = corpus([("train", {"artist": "ab"[i % 2]}) for i in range(4)] + [("validation", {})] * 2)
        configuration = load(CONFIG / "multi_task_1.yaml", (*own_songs.TINY, "judged=[mood, artist]"))
        material = corpus_material(songs, configuration)
        assert material.remarks == ("no validation song is annotated with artist: not in the figures",)
        judgement = material.judge(Run(configuration, material, 0).network)
        assert judgement.score == judgement.figures["mood PR-AUC"] > 0


class TestBatches:
    @given(
        stretch=st.sampled_from([0.0, 0.2, 0.9]),
        frames=st.integers(187, 400),
        first=st.sampled_from([None, 10, 187, 250]),
        step=st.integers(0, 50),
    )
    def test_windows_keep_their_shape_and_stay_in_the_song(
        self, stretch: float, frames: int, first: int | None, step: int
    ) -> None:
        songs = corpus([("train", {})] * 3 + [("validation", {})], frames=frames)
        material = corpus_material(songs, load(CONFIG / "baseline.yaml", own_songs.TINY))
        batch = Batches(material, (Group(4),), Cut(187, first, stretch), seed=1)[step]
        assert batch.levels.shape == (4, 187, 96)
        places = batch.levels[:, :, 0] * 1000
        assert places.min() >= -0.5
        assert places.max() <= min(frames, max(first or frames, 187)) - 0.5
        steps = np.diff(places, axis=1)
        assert (steps > 0).all()
        assert (abs(steps - 1) <= stretch + 0.3).all()  # float16 of a place below 400 is within an eighth

    def test_stretched_windows_are_faster_and_slower(self) -> None:
        songs = corpus([("train", {})] * 3 + [("validation", {})], frames=400)
        material = corpus_material(songs, load(CONFIG / "baseline.yaml", own_songs.TINY))
        levels = np.concatenate(
            [Batches(material, (Group(8),), Cut(187, None, 0.2), seed=1)[s].levels for s in range(9)]
        )
        spans = (levels[:, -1, 0] - levels[:, 0, 0]) * 1000 / 186
        assert 0.79 < spans.min() < 0.85
        assert 1.15 < spans.max() < 1.21

    @given(st.integers(1, 5000), st.integers(1, 40), st.floats(0.001, 5))
    def test_epochs_are_counted_in_songs(self, songs: int, epochs: int, share: float) -> None:
        configuration = load(CONFIG / "baseline.yaml", (f"epochs={epochs}", f"batches_per_song={share}"))
        scheduled = configuration.scheduled(songs)
        assert scheduled.check_every == max(1, round(share * songs))
        assert scheduled.steps == epochs * scheduled.check_every

    def test_the_papers_schedule(self) -> None:
        scheduled = load(CONFIG / "multi_task_2.yaml").scheduled(3477)
        assert (scheduled.check_every, scheduled.steps) == (4346, 30 * 4346)
