"""The command that turns a model into int8: what it prints is what it did, and what it refuses."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from model.contract import load
from model.frontend import MTG_JAMENDO, FrontEnd
from tests import models
from tests.blocks import block_network
from train import quantise
from train.data.features import load_songs
from train.data.song import MOODS
from train.learn.recordings import Truth, from_cache, from_music, held_out_windows, spread

SCALES = [[0.5, 1.0, 1.5, 2.0] * 8] * 3
QUICK = ["--windows", "8", "--repeats", "3"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model of the nine moods with wide convolutions, not trained."""
    return models.save(tmp_path / "model.onnx", block_network(SCALES, labels=9), models.metadata(MOODS))


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = quantise.main([*map(str, arguments), *QUICK])
    return status, *capsys.readouterr()


class TestCommand:
    def test_prepared_songs_calibrate_and_judge(
        self, model: Path, small_cache: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        status, out, err = run(capsys, "--model", model, "--cache", small_cache)
        assert (status, err) == (0, "")
        made = model.with_name("model-int8.onnx")
        assert out.splitlines()[0] == str(made)
        assert load(made).info.labels == MOODS
        held_out = [song for song in load_songs(small_cache) if song.split != "train"]
        assert "2 in int8, 1 in float; ranges from 8 windows" in out
        assert "3 moved before the batch normalisation, 0 left" in out
        assert f"({len(held_out)} windows of {len(held_out)} held-out songs)" in out  # a window a song
        before, after, change = map(float, re.search(r"PR-AUC +(\S+) -> (\S+) \((\S+);", out).groups())
        assert change == pytest.approx(after - before, abs=2e-4)
        assert 0 < before <= 1
        first, second, ratio = map(float, re.search(r"window +(\S+) -> (\S+) ms, (\S+) times", out).groups())
        assert ratio == pytest.approx(first / second, rel=0.05)
        assert ("keep the float file" in out) == (ratio < 1.05) or ratio == 1.05

    def test_any_folder_of_music_will_do(
        self, model: Path, small_music_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / "small.onnx"
        status, out, _ = run(capsys, "--model", model, "--music", small_music_folder / "4q", "--output", output)
        assert status == 0
        assert output.is_file()
        assert "6 held-out songs" in out
        assert "PR-AUC" not in out  # nothing is known of the songs

    def test_a_broken_file_is_skipped_and_said(
        self, model: Path, small_music_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        music = shutil.copytree(small_music_folder / "4q", tmp_path / "music")
        (music / "s0.wav").write_bytes(b"no sound")
        status, out, err = run(capsys, "--model", model, "--music", music)
        assert status == 0
        assert err.count("skipped: s0.wav") == 1
        assert "ranges from 5 windows" in out

    def test_music_is_heard_through_the_models_own_front_end(
        self, tmp_path: Path, small_music_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        network = block_network(SCALES, labels=4)
        entries = models.metadata(frontend=json.dumps(FrontEnd(samplerate=12000, fmax=6000.0).to_metadata()))
        path = models.save(tmp_path / "model.onnx", network, entries)
        status, _, err = run(capsys, "--model", path, "--music", small_music_folder / "emotify")
        assert (status, err) == (0, "")
        assert load(path.with_name("model-int8.onnx")).info.frontend.samplerate == 12000

    def test_help_shows_how(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit, match="0"):
            quantise.main(["--help"])
        assert "--model model.onnx --cache cache" in capsys.readouterr().out


class TestRefusals:
    @pytest.fixture(autouse=True)
    def _cache(self, small_cache: Path, tmp_path: Path) -> None:
        self.cache, self.folder = small_cache, tmp_path

    def refused(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
        status, out, err = run(capsys, *arguments)
        assert (status, out) == (1, "")
        assert err.startswith("train.quantise: ")
        assert err.count("\n") == 1
        return err

    def test_a_model_that_is_none(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "no model file" in self.refused(capsys, "--model", self.folder / "none.onnx", "--cache", self.cache)

    def test_a_model_without_wide_convolutions(self, capsys: pytest.CaptureFixture[str]) -> None:
        path = models.save(self.folder / "tiny.onnx")
        assert "nothing would gain" in self.refused(capsys, "--model", path, "--cache", self.cache)

    def test_an_int8_file(self, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(capsys, "--model", model, "--cache", self.cache)[0] == 0
        again = model.with_name("model-int8.onnx")
        assert "in int8 already" in self.refused(capsys, "--model", again, "--cache", self.cache)

    def test_data_of_another_front_end(self, capsys: pytest.CaptureFixture[str]) -> None:
        entries = models.metadata(frontend=json.dumps(FrontEnd(window="hann_symmetric").to_metadata()))
        path = models.save(self.folder / "symmetric.onnx", block_network(SCALES), entries)
        said = self.refused(capsys, "--model", path, "--cache", self.cache)
        assert "another front-end" in said
        assert "window 'hann_periodic' and 'hann_symmetric'" in said

    def test_a_cache_that_is_none(self, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        said = self.refused(capsys, "--model", model, "--cache", self.folder)
        assert "run python -m train.prepare first" in said

    def test_a_folder_without_music(self, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "0 sound files" in self.refused(capsys, "--model", model, "--music", self.folder)

    def test_an_output_that_cannot_be_written(self, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        output = self.folder / "none" / "int8.onnx"
        said = self.refused(capsys, "--model", model, "--cache", self.cache, "--output", output)
        assert "No such file or directory" in said

    def test_the_model_itself_is_not_overwritten(self, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit, match="2"):
            quantise.main(["--model", str(model), "--output", str(model), "--cache", str(self.cache)])
        assert "would overwrite" in capsys.readouterr().err
        onnx.checker.check_model(onnx.load(model))


class TestRecordings:
    def test_no_song_calibrates_and_judges(self, small_cache: Path, small_music_folder: Path) -> None:
        for recordings in (from_cache(small_cache, FrontEnd()), from_music(small_music_folder, FrontEnd())):
            assert set(recordings.calibration).isdisjoint(recordings.held_out)
            assert len(recordings.calibration) + len(recordings.held_out) == 30

    def test_windows_are_the_songs_own_frames(self, small_cache: Path, small_music_folder: Path) -> None:
        prepared, computed = from_cache(small_cache, FrontEnd()), from_music(small_music_folder, FrontEnd())
        (first,) = prepared.windows(["4q/s0"])
        (second,) = computed.windows(["4q/s0.wav"])
        assert first.shape == second.shape == (1, 187, 96)
        np.testing.assert_allclose(first, second, atol=0.01)  # prepared frames are kept in float16
        (middle,) = computed.windows(["4q/s0.wav"], each=1)
        frames = computed.frames("4q/s0.wav")
        np.testing.assert_array_equal(middle[0], frames[(len(frames) - 187) // 2 :][:187])

    def test_some_windows_of_held_out_songs_serve_a_check(self, small_cache: Path) -> None:
        windows = held_out_windows(small_cache, FrontEnd(), songs=5)
        assert [batch.shape for batch in windows] == [(1, 187, 96)] * 5

    def test_a_song_shorter_than_a_window_has_none(self, small_music_folder: Path) -> None:
        recordings = from_music(small_music_folder, MTG_JAMENDO)
        (none,) = recordings.windows(recordings.calibration[:1])
        assert none.shape == (0, 4096, 96)


def test_the_pr_auc_is_the_mean_over_labels_that_can_be_judged() -> None:
    scores = np.array([[0.9, 0.2, 0.5], [0.1, 0.3, 0.5], [0.8, 0.9, 0.5]])
    truth = Truth(
        ("second", "first", "never"),
        np.array([[True, True, False], [False, False, False], [False, True, False]]),
        np.array([[True, True, True], [True, True, True], [False, True, True]]),
    )
    # first: perfect; second: the song that nobody judged does not count, of the others the positive comes last.
    assert quantise.macro_pr_auc(("first", "second", "other"), scores, truth, [0, 1, 2]) == (pytest.approx(0.75), 2)
    assert quantise.macro_pr_auc(("other",), scores, truth, [0, 1, 2])[1] == 0
    assert quantise.macro_pr_auc(("first",), scores, None, [0, 1, 2])[1] == 0


def test_numbers_are_spread_evenly() -> None:
    assert spread(3, 5) == [0, 1, 2]
    assert spread(11, 3) == [0, 5, 10]
