"""Targets, batches and augmentation: what the network is shown, and what it is told about it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.mel import melspectrogram
from tests.train import small_music
from train.data.degrade import degrade
from train.data.features import load_songs, to_levels
from train.data.song import EMOTIONS, MOODS, Song
from train.learn.augment import Augmentation, augment_levels, hide, mixing
from train.learn.batches import Batches, Cut, Group
from train.learn.loop import quadrant_plane
from train.learn.song_material import build_targets, song_material


def song(dataset: str, number: int = 0, **labels: object) -> Song:
    return Song(dataset, f"s{number}", Path(), "train", f"artist {number}", **labels)  # type: ignore[arg-type]


class TestTargets:
    def test_what_a_data_set_does_not_annotate_is_masked(self) -> None:
        songs = [
            song("4q", quadrant=1),
            song("emotify", emotions=(0.5, 0.0, 0.3, 0.1, 0.0, 0.0, 0.0, 0.9)),
            song("negative"),
        ]
        mood = build_targets("mood", songs)
        assert mood.labels == MOODS
        assert mood.mask[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0]
        assert mood.targets[0].tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0]
        assert mood.mask[1].tolist() == [1, 0, 1, 1, 1, 1, 1, 1, 1]  # Emotify has no anger
        assert mood.targets[1].tolist() == [1, 0, 1, 0, 0, 0, 0, 0, 1]
        assert mood.mask[2].sum() == 0

    def test_emotions_are_soft_around_the_rate_that_counts(self) -> None:
        head = build_targets("emotion", [song("emotify", emotions=(0.3, 0.0, 0.6, 0, 0, 0, 0, 0))])
        assert head.labels == EMOTIONS
        assert head.targets[0, :3] == pytest.approx([0.5, 1 / (1 + np.exp(3.6)), 1 / (1 + np.exp(-3.6))])

    def test_ratings_are_standardised_over_training_songs_only(self) -> None:
        songs = [song("musifeast17", i, ratings=(float(i), 3.0 + i)) for i in range(3)]
        outlier = Song("musifeast17", "v", Path(), "validation", "x", ratings=(100.0, 100.0))
        head = build_targets("rating", [*songs, outlier])
        assert head.targets[:3].mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
        assert head.targets[:3].std(axis=0) == pytest.approx([1, 1])

    def test_a_rated_songs_quadrant_follows_its_signs(self) -> None:
        songs = [song("musifeast17", i, ratings=r) for i, r in enumerate([(4, 4), (2, 4), (2, 2), (4, 2)])]
        assert build_targets("quadrant", songs).mask.sum() == 0
        head = build_targets("quadrant_or_rating", songs)
        assert head.targets.argmax(axis=1).tolist() == [0, 1, 2, 3]
        assert head.targets.sum(axis=1) == pytest.approx(np.ones(4))

    def test_the_quadrants_own_plane_is_within_reach(self) -> None:
        songs = [song("musifeast17", i, ratings=(float(i), 3.0)) for i in range(3)]
        plane, rating = build_targets("plane", songs), build_targets("rating", songs)
        np.testing.assert_allclose(plane.targets, 0.7 * rating.targets)
        assert quadrant_plane(torch.eye(4) * 100).tolist() == [[1, 1], [-1, 1], [-1, -1], [1, -1]]

    def test_a_composers_tags_say_something_of_valence_and_arousal(self) -> None:
        songs = [song("incompetech", 0, feels=("Calming",)), song("incompetech", 1, feels=("Driving", "Dark"))]
        head = build_targets("rating_or_feel", songs)
        assert head.targets[0] == pytest.approx([0.5, -1.3])
        assert head.targets[1] == pytest.approx([-1.2, 1.1])
        assert build_targets("rating", songs).mask.sum() == 0

    def test_years_fall_into_nine_buckets_and_missing_ones_are_masked(self) -> None:
        songs = [song("emotify", i, year=year) for i, year in enumerate([1970, 1974, 1975, 2014, 1969, 2015, None])]
        head = build_targets("year", songs)
        assert len(head.labels) == 9
        assert head.targets[:4].argmax(axis=1).tolist() == [0, 0, 1, 8]
        assert head.mask.max(axis=1).tolist() == [1, 1, 1, 1, 0, 0, 0]

    def test_the_artist_head_knows_at_most_fifty(self) -> None:
        songs = [song("4q", i) for i in range(60)] + [song("4q", 7)]
        head = build_targets("artist", songs)
        assert len(head.labels) == 50
        assert "artist 7" in head.labels

    def test_genres_of_another_data_set_are_masked(self) -> None:
        songs = [song("4q", i, genres=("Jazz",)) for i in range(9)]
        songs += [song("emotify", i, genres=("rock",)) for i in range(9)]
        head = build_targets("genre", songs)
        assert head.labels == ("4q: Jazz", "emotify: rock")
        assert head.mask[0].tolist() == [1, 0]
        assert head.mask[-1].tolist() == [0, 1]


class TestBatches:
    @pytest.fixture
    def batches(self, small_cache: Path) -> Batches:
        groups = (Group(3, ("4q",), 2), Group(2, ("emotify", "musifeast17")))
        return Batches(song_material(small_cache), groups, Cut(187), seed=5, degraded=0.5)

    def test_a_step_is_always_the_same(self, batches: Batches) -> None:
        first, again, other = batches[4], batches[4], batches[5]
        np.testing.assert_array_equal(first.levels, again.levels)
        np.testing.assert_array_equal(first.songs, again.songs)
        assert not np.array_equal(first.levels, other.levels)

    def test_every_training_song_comes_once_a_pass(self, batches: Batches, small_cache: Path) -> None:
        songs = load_songs(small_cache)
        ours = {i for i, s in enumerate(songs) if s.dataset == "4q" and s.split == "train"}
        drawn = [s for step in range(8) for s in batches[step].songs[:6:2]]  # 8 songs, 3 a step: 3 passes
        assert sorted(drawn) == sorted(list(ours) * 3)
        assert set(drawn[:8]) == ours

    def test_windows_are_187_frames_of_96_bands(self, batches: Batches) -> None:
        assert batches[0].levels.shape == (8, 187, 96)
        assert batches[0].groups.tolist() == [0] * 6 + [1] * 2


class TestAugmentation:
    @staticmethod
    def levels(count: int = 3) -> np.ndarray:
        frames = [melspectrogram(small_music.piece(i))[:187] for i in range(count)]
        return to_levels(np.stack(frames)).astype(np.float32)

    def test_without_settings_the_front_ends_frames_come_back(self) -> None:
        frames = augment_levels(self.levels(), np.zeros(3, bool), Augmentation(), np.random.default_rng(0))
        expected = np.stack([melspectrogram(small_music.piece(i))[:187] for i in range(3)])
        np.testing.assert_allclose(frames.numpy(), expected, rtol=0, atol=0.005)

    def test_gain_is_that_of_louder_sound(self) -> None:
        rng = np.random.default_rng(2)
        frames = augment_levels(self.levels(1), np.zeros(1, bool), Augmentation(gain_db=12), rng).numpy()
        gain = np.random.default_rng(2).uniform(-12, 12, (1, 1)).item()
        expected = melspectrogram(small_music.piece(0) * 10 ** (gain / 20))[:187]
        np.testing.assert_allclose(frames[0], expected, rtol=0, atol=0.005)

    def test_noise_is_added_to_music_only(self) -> None:
        negative = np.array([False, False, True])
        plain = augment_levels(self.levels(), negative, Augmentation(), np.random.default_rng(1))
        noisy = augment_levels(self.levels(), negative, Augmentation(noise=1.0), np.random.default_rng(1))
        assert (noisy[:2] >= plain[:2] - 1e-5).all()
        assert (noisy[:2].mean(dim=(1, 2)) > plain[:2].mean(dim=(1, 2))).all()
        torch.testing.assert_close(noisy[2], plain[2])

    def test_hidden_stretches_are_bounded(self) -> None:
        frames = torch.from_numpy(np.random.default_rng(0).random((20, 187, 96), np.float32))
        before = frames.clone()
        hide(frames, Augmentation(masked_bands=12, masked_frames=30), np.random.default_rng(0))
        changed = frames != before
        assert changed.all(dim=1).sum(dim=1).max() <= 24  # whole bands
        assert changed.all(dim=2).sum(dim=1).max() <= 60  # whole frames
        assert changed.any()

    def test_mixing_stays_in_the_group(self) -> None:
        groups = np.array([0] * 6 + [1] * 5)
        partners, weights = mixing(groups, 0.3, np.random.default_rng(0))
        np.testing.assert_array_equal(groups[partners.numpy()], groups)
        assert ((weights >= 0.5) & (weights <= 1)).all()

    def test_without_mixup_every_window_is_its_own_partner(self) -> None:
        """Also for the masks: a partner that is not annotated would hide what is known of the window."""
        partners, weights = mixing(np.zeros(6, int), 0.0, np.random.default_rng(0))
        assert partners.tolist() == list(range(6))
        assert weights.tolist() == [1.0] * 6

    def test_degrading_is_reproducible_and_stays_in_range(self) -> None:
        samples = small_music.piece(3).astype(np.float32)
        for seed in range(12):
            first, again = (degrade(samples, np.random.default_rng(seed)) for _ in range(2))
            np.testing.assert_array_equal(first, again)
            assert np.isfinite(first).all()
            assert np.abs(first).max() <= 1
            assert 0.8 * samples.size < first.size < 1.25 * samples.size
