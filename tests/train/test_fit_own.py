"""Training on a user's own songs: exact over kills and full disks, and in one line where something is wrong."""

import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.train import own_songs
from tests.train.test_fit import log_without_times
from train import fit
from train.common.lock import locked
from train.learn import fitting
from train.learn.networks import ConfigurationError
from train.learn.trained import load_trained, steps_done

CONFIG = Path("config/train/multi_task_2.yaml")
FILES = {".lock", "best.pt", "checkpoint.pt", "curve.png", "log.csv", "tensorboard"}


def arguments(cache: Path, folder: Path, *changes: str, config: Path = CONFIG) -> list[str]:
    given = ["--config", config, "--cache", cache, "--output", folder]
    return [*map(str, given), *own_songs.changes(*changes)]


def run(cache: Path, folder: Path, *changes: str, config: Path = CONFIG) -> int:
    return fit.main(arguments(cache, folder, *changes, config=config))


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    (line,) = (line for line in captured.err.splitlines() if not line.startswith(("note: ", "step ")))
    assert line.startswith("train.fit: ")
    assert captured.out == ""
    return line


def weights(folder: Path) -> dict[str, torch.Tensor]:
    stored = torch.load(folder / "checkpoint.pt", weights_only=True)
    best = torch.load(folder / "best.pt", weights_only=True)
    return stored["network"] | {f"best {name}": value for name, value in best["weights"].items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def whole(own_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted; nobody may change it."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert run(own_cache, folder) == 0
    return folder


def test_it_says_how_it_goes_and_what_it_made(
    own_cache: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(own_cache, tmp_path / "run") == 0
    captured = capsys.readouterr()
    assert "step 3 of 6: loss " in captured.err
    assert "mood PR-AUC" in captured.err
    assert captured.err.splitlines()[-1].endswith("curve.png, log.csv, tensorboard/, best.pt")
    (figures,) = captured.out.splitlines()
    assert figures.startswith("mood PR-AUC ")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    board = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    assert board.Tags()["scalars"] == ["loss/training", "validation/mood_PR-AUC", "validation/mood_ROC-AUC"]
    assert [event.step for event in board.Scalars("loss/training")] == [3, 6]
    # The same command once more has nothing to do, and says the same.
    assert run(own_cache, tmp_path / "run") == 0
    assert capsys.readouterr().out.splitlines() == [figures]
    assert same(weights(tmp_path / "run"), weights(whole))


def test_killed_at_any_moment_it_ends_with_the_very_weights(own_cache: Path, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    call = [sys.executable, "-m", "train.fit", *arguments(own_cache, folder)]
    process = subprocess.Popen(call, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while process.poll() is None and not (folder / "checkpoint.pt").is_file():
        time.sleep(0.005)  # the file is what there is to watch
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert run(own_cache, folder) == 0
    assert same(weights(folder), weights(whole))
    assert log_without_times(folder) == log_without_times(whole)


class Killed(BaseException):
    """In the place of a kill: nothing in the program catches it."""


@pytest.mark.parametrize("moment", range(1, 6))
def test_whatever_file_it_was_writing_it_goes_on(
    own_cache: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """The log, the best weights and the checkpoint of two checks are each put in place by a replacement."""
    replace, count = Path.replace, iter(range(100))

    def killed(path: Path, target: Path) -> Path:
        if next(count) == moment:
            raise Killed
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            run(own_cache, tmp_path / "run", "patience=9")
    assert run(own_cache, tmp_path / "run", "patience=9") == 0
    assert same(weights(tmp_path / "run"), weights(whole))
    assert log_without_times(tmp_path / "run") == log_without_times(whole)


@contextmanager
def room(most: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))  # as a full disk: a write past it fails
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("most", [10, 60, 1000, 15_000])
def test_a_full_disk_is_one_line_and_no_loss(
    own_cache: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], most: int
) -> None:
    with room(most):
        assert run(own_cache, tmp_path / "run") == 1
    assert one_line(capsys).endswith("File too large")
    assert run(own_cache, tmp_path / "run") == 0
    assert same(weights(tmp_path / "run"), weights(whole))
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES


def test_a_pause_between_two_checks_changes_nothing_of_what_it_becomes(
    own_cache: Path, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert fit.main([*arguments(own_cache, folder), "--minutes", "1e-9"]) == 0  # one step of the three to a check
    assert steps_done(folder) == (1, 6)
    load_trained(folder)  # it may be judged and exported, such as it is
    assert run(own_cache, folder) == 0
    assert same(weights(folder), weights(whole))
    assert steps_done(folder) is None


def test_two_in_one_folder_are_one_too_many(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    with locked(tmp_path / "run" / fitting.LOCK, "this test"):
        assert run(own_cache, tmp_path / "run") == 1
    assert "another train.fit is at work in" in one_line(capsys)


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "soon"])
def test_a_budget_is_a_time(own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], minutes: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        fit.main([*arguments(own_cache, tmp_path / "run"), f"--minutes={minutes}"])
    assert f"--minutes: a number above 0 is needed, not {minutes!r}" in capsys.readouterr().err


def evil() -> None:
    os.abort()


class Evil:
    def __reduce__(self) -> tuple[object, tuple[()]]:
        return evil, ()


@pytest.mark.parametrize("name", ["checkpoint.pt", "best.pt"])
@pytest.mark.parametrize(
    "content",
    [b"", b"PK\3\4 nothing", pickle.dumps(Evil()), pickle.dumps([1]), b"half"],
    ids=["empty", "zip", "evil", "pickle", "half"],
)
def test_a_damaged_file_is_one_line_and_runs_nothing(
    own_cache: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes
) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content == b"half" else content)
    if name == "checkpoint.pt":
        assert run(own_cache, folder) == 1
        line = one_line(capsys)
    else:
        with pytest.raises(ConfigurationError, match=r"\A.*\Z") as caught:
            load_trained(folder)
        line = str(caught.value)
    assert "of train.fit" in line


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["network.channels=[2,2,2,2,3]"], "another network or seed: remove it or train elsewhere"),
        (["network.kind=singh_biswas"], "another network or seed"),
        (["heads.year.loss=softmax"], "the checkpoint was made with other settings (heads was "),
        (["heads={mood: {loss: sigmoid}}", "metadata=[]"], "other songs or labels"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(
    own_cache: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: list[str], message: str
) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    assert run(own_cache, folder, *changes) == 1
    assert message in one_line(capsys)


def test_a_checkpoint_of_other_songs_is_refused(
    own_table: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    assert own_songs.prepared(own_table, tmp_path / "cache", "--split", "random") == 0
    capsys.readouterr()
    assert run(tmp_path / "cache", folder) == 1
    assert "the checkpoint is of other songs or labels" in one_line(capsys)


def test_features_of_another_front_end_are_refused(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["network={kind: uai_cnrl, segments: 1, width: 8}", "heads={attention: {loss: sigmoid, targets: mood}, "
               "convolution: {loss: sigmoid, targets: mood}}", "metadata=[]"]  # fmt: skip
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    assert run(cache, tmp_path / "run", *changes) == 1
    assert "no song of the split train" not in (line := one_line(capsys))
    assert "features are of another front-end than the network's: samplerate 16000 and 12000" in line


def test_a_class_without_positives_is_said_and_fit_goes_on(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = Path(shutil.copytree(own_cache, tmp_path / "cache"))
    table = (cache / "manifest.csv").read_text().splitlines()
    place = table[0].split(",").index("sad")
    rows = [row.split(",") for row in table[1:]]
    kept = [",".join([*row[:place], "0" if "train" in row else row[place], *row[place + 1 :]]) for row in rows]
    (cache / "manifest.csv").write_text("\n".join([table[0], *kept]) + "\n")
    assert run(cache, tmp_path / "run") == 0
    assert "note: mood: no training song has sad: never learnt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["network=5"], "network is 5: a mapping is needed"),
        (["network.kind=[1]"], "network.kind must be one of"),
        (["network.kind=uai_cnrl", "network.segments=many"], "network.segments is 'many'"),
        (["network.channels=wide"], "network: "),
        (["network.channels=[2,2,2,2,-2]"], "network: "),
        (["epochs=many"], "epochs is 'many': a whole number from 0 or nothing (null) is needed"),
        (["epochs=0"], "epochs is 0: more is needed"),
        (["epochs=1.5"], "epochs is 1.5: a whole number"),
        (["epochs=null"], "either epochs is needed, or steps and check_every"),
        (["batches_per_song=-1"], "batches_per_song is -1: a number from 0 is needed"),
        (["optimiser.rate=fast"], "optimiser.rate is 'fast': a number from 0 is needed"),
        (["optimiser.name=sgd"], "optimiser.name is 'sgd': adam or adamw is needed"),
        (["optimiser.weight_decay=0.02"], "optimiser: adam takes neither weight_decay nor warm_up: adamw does"),
        (["optimiser.warm_up=50"], "optimiser: adam takes neither weight_decay nor warm_up: adamw does"),
        (["optimser.rate=1"], "unknown key optimser, did you mean optimiser?"),
        (["precision=half"], "precision is 'half': float32 or bfloat16 is needed"),
        (["heads.mood.loss=hinge"], "heads.mood.loss is 'hinge': sigmoid or softmax or squared is needed"),
        (["heads.mood.weight=balance"], "heads.mood.weight is balance, but mood is not in metadata"),
        (["heads.composer.loss=sigmoid"], "songs has no metadata called composer; there is artist, language, year"),
        (["metadata=artist"], "metadata is 'artist': a list of heads is needed"),
        (["metadata=[mood, artist, year]"], "every head is in metadata"),
        (["groups=[{songs: 0}]"], "groups: songs and windows are 1 or more"),
        (["groups=[{songs: 2, datasets: [other]}]"], "no prepared training song for the data sets other"),
        (["stretch=1"], "stretch is 1: it is a share, less than 1"),
        (["augmentation.mixup=true"], "augmentation.mixup is True: a number from 0 is needed"),
        (["epochs"], "a change is KEY.KEY=VALUE"),
        (["epochs.more=1"], "there is nothing called epochs to change"),
        (["epochs=["], "epochs=[: "),
    ],
)
def test_a_wrong_change_is_one_line(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: list[str], message: str
) -> None:
    assert run(own_cache, tmp_path / "run", *changes) == 1
    assert message in one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_a_rate_may_be_written_as_people_write_it() -> None:
    assert fit.load(CONFIG, ["optimiser.rate=1e-3"]).optimiser.rate == 0.001


def test_a_loss_that_is_no_number_any_more_ends_the_run(
    own_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(own_cache, tmp_path / "run", "optimiser.rate=1e30", "precision=float32", "epochs=20") == 1
    assert "the loss is " in one_line(capsys)


def test_the_learning_curve_is_drawn(whole: Path) -> None:
    assert (whole / "curve.png").read_bytes().startswith(b"\x89PNG")
