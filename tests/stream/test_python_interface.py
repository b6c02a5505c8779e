"""``from stream import Tagger``: the same results as the command, and errors that say what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stream
from stream import Tagger
from stream.common.errors import StreamError, UsageError
from tests import models
from tests.stream.command import environment, listen, records
from tests.stream.files import write
from tests.stream.sound import tune

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "python.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("song") / "song.wav", tune(11.0), 16_000)


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in ("time", "inference_ms")}


def test_a_file_gives_the_records_of_the_command(model: Path, song: Path) -> None:
    options = ("--hop-seconds", "1", "--average", "ema", "--half-life", "5")
    done = listen("--file", song, "--model", model, "--output", "jsonl", *options)
    ours = [each.to_json() for each in Tagger(model, hop_seconds=1, average="ema", half_life=5).records(song)]
    assert [without_times(each) for each in ours] == [without_times(each) for each in records(done.stdout)]
    assert len(ours) > 8


def test_a_files_result_is_its_final(model: Path, song: Path) -> None:
    tagger = Tagger(model)
    assert tagger.file(song).windows == 3
    assert set(tagger.file(str(song)).running or {}) == set(tagger.moods)


@pytest.mark.parametrize("size", [160, 4410, 48_000])
@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_samples_in_pieces_of_any_size_give_the_result_of_the_whole(model: Path, size: int, kind: type) -> None:
    sound = tune(11.0)
    given = sound if kind is np.float32 else np.round(sound * 32768).clip(-32768, 32767).astype(np.int16)
    tagger = Tagger(model)
    whole, pieces = tagger.live(16_000), tagger.live(16_000)
    expected = [*whole.feed(sound), *whole.end()]
    found = [record for first in range(0, len(sound), size) for record in pieces.feed(given[first : first + size])]
    found += pieces.end()
    assert [each.type for each in found] == [each.type for each in expected]
    assert found[-1].running == pytest.approx(expected[-1].running, abs=1e-6 if kind is np.float32 else 1e-3)


def test_a_stream_can_begin_anew(model: Path) -> None:
    live = Tagger(model).live(16_000)
    first = [*live.feed(tune(4.0)), *live.end()]
    again = [*live.feed(tune(4.0)), *live.end()]
    assert [without_times(each.to_json()) for each in first] == [without_times(each.to_json()) for each in again]


def test_leaving_the_loop_closes_the_file(model: Path, song: Path) -> None:
    for record in Tagger(model).records(song):
        assert record.type == "estimate"
        break


def test_what_is_wrong_is_said(model: Path, tmp_path: Path) -> None:
    with pytest.raises(StreamError, match="no such file"):
        Tagger(model).file(tmp_path / "none.mp3")
    with pytest.raises(StreamError, match=r"none\.onnx"):
        Tagger(tmp_path / "none.onnx")
    with pytest.raises(UsageError, match="hop_secnds is unknown; the nearest known one is hop_seconds"):
        Tagger(model, hop_secnds=1)
    with pytest.raises(UsageError, match="threshold needs a probability from 0 to 1, not '2'"):
        Tagger(model, threshold=2)
    with pytest.raises(UsageError, match="threshold_off must not exceed threshold"):
        Tagger(model, threshold=0.3, threshold_off=0.4)
    with pytest.raises(StreamError, match=r"not \(2, 3, 4\)"):
        Tagger(model).live(16_000).feed(np.zeros((2, 3, 4), np.float32))
    with pytest.raises(StreamError, match="not complex"):
        Tagger(model).live(16_000).feed(np.zeros(4, np.complex64))
    with pytest.raises(AttributeError, match="no attribute 'Taggr'"):
        stream.Taggr  # noqa: B018


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_of_the_guide_run(example: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, env=environment(), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
