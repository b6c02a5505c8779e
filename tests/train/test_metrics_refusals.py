"""What ``train.metrics`` cannot judge it refuses in one line: status 1 for the unreadable, 2 for what does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.train import metrics_files
from tests.train.metrics_files import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return metrics_files.make(tmp_path)


@pytest.mark.parametrize(
    ("name", "matrix", "message"),
    [
        ("truth", np.zeros((0, 3)), "is empty"),
        ("truth", np.zeros(200), "needed is (songs, labels)"),
        ("truth", np.full((200, 6), 0.5), "0.5 in row 0, column 0 (counted from 0) is not 0 or 1"),
        ("scores", np.zeros((200, 5)), "has shape (200, 5), the truth has (200, 6)"),
        ("scores", np.full((200, 6), np.nan), "scores must be finite"),
        ("scores", np.full((200, 6), "x"), "needed are numbers"),
        ("decisions", np.zeros((199, 6)), "has shape (199, 6), the truth has (200, 6)"),
        ("decisions", np.full((200, 6), 2), "2 in row 0, column 0"),
        ("thresholds", np.zeros(5), "one threshold for each of 6 labels is needed"),
        ("thresholds", np.full(6, np.nan), "is NaN"),
        ("against", np.zeros((2, 2)), "has shape (2, 2)"),
    ],
)
def test_a_matrix_that_does_not_fit_is_one_line_and_status_2(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, matrix: np.ndarray, message: str
) -> None:
    path = folder / f"{name}.npy"
    np.save(path, matrix)
    assert run(folder, *([] if name in ("truth", "scores") else [f"--{name}", path])) == 2
    out, err = capsys.readouterr()
    assert not out
    (line,) = err.splitlines()
    assert line.startswith(f"train.metrics: {path}: ")
    assert message in line


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--labels", "a\nb\n", "names 2 labels, the truth has 6"),
        ("--labels", "a\nb\nc\nd\ne\ne\n", "the label 'e' stands there twice"),
        ("--thresholds", "0.5\n0.5", "has shape (2,)"),
        ("--thresholds", "0.5\nhalf", "line 2: 'half' is no threshold"),
        ("--thresholds", "a\t0.5\na\t0.5", "line 2: the label 'a' stands there twice"),
        ("--thresholds", "", "has shape (0,)"),
        ("--groups", "a\nb\n", "has 2 lines, the truth has 200 songs"),
        ("--groups", "a\n" * 200, "all songs are of one group (a)"),
    ],
)
def test_a_list_that_does_not_fit_is_one_line_and_status_2(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str, text: str, message: str
) -> None:
    path = folder / "list.txt"
    path.write_text(text)
    assert run(folder, option, path, "--bootstrap", "2") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"train.metrics: {path}: ")
    assert message in line


@pytest.mark.parametrize("name", ["truth", "scores", "decisions", "thresholds", "labels", "groups", "against"])
def test_a_file_that_cannot_be_read_is_one_line_and_status_1(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    missing, folder_itself, bytes_ = folder / "none.npy", folder, folder / "bytes.npy"
    bytes_.write_bytes(b"\xff\xfe\x00\x93")
    for path in (missing, folder_itself, bytes_):
        assert run(folder, f"--{name}", path, "--bootstrap", "2") == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"train.metrics: {path}: ")


def test_a_pickled_an_empty_and_a_zipped_file_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(folder / "pickled.npy", np.array([[{}]], object), allow_pickle=True)
    (folder / "empty.npy").touch()
    np.savez(folder / "two.npz", a=np.eye(2), b=np.eye(2))
    (folder / "torn.npz").write_bytes((folder / "two.npz").read_bytes()[:50])
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000, 99), }"
    (folder / "huge.npy").write_bytes(header.ljust(127) + b"\n")
    for name in ("pickled.npy", "empty.npy", "two.npz", "torn.npz", "huge.npy"):
        assert run(folder, "--scores", folder / name) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert name in line


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(where=st.lists(st.tuples(st.integers(0, 180), st.integers(0, 127)), min_size=1, max_size=4))
@pytest.mark.filterwarnings("ignore:Reading `.npy` or `.npz` file required additional header parsing:UserWarning")
def test_a_garbled_matrix_never_ends_in_a_traceback(folder: Path, where: list[tuple[int, int]]) -> None:
    np.save(folder / "whole.npy", np.ones((200, 6)))
    content = bytearray((folder / "whole.npy").read_bytes())
    for place, byte in where:
        content[place] = byte
    (folder / "garbled.npy").write_bytes(content)
    assert run(folder, "--truth", folder / "garbled.npy", "--thresholds", "best-f1") in (0, 1, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--decisions", "d.npy", "--thresholds", "best-f1"],
        ["--groups", "artists.txt"],
        ["--bootstrap", "1"],
        ["--bootstrap", "many"],
        ["--bootstrap", "1e3"],
        ["--seed", "-1"],
    ],
)
def test_a_wrong_call_is_status_2(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(folder, *arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("python -m train.metrics: error: ")
