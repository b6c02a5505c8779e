from __future__ import annotations

import hashlib
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from model.contract import DEFAULT_MODEL, Model, load
from stream.common.errors import StreamError
from stream.run import benchmark
from stream.run.benchmark import STAGES, Cost, Report, workloads
from tests import models
from tests.stream.command import listen

EXAMPLE = Report(
    model={"name": "example", "version": "7", "sha256": "0" * 64},
    window_s=2.992,
    windows=100,
    stages={name: Cost(1.0, 1.5) for name in STAGES} | {"session": Cost(4.0, 6.0)},
    memory_bytes=300_000,
)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def figures(model_file: Path) -> dict[str, Any]:
    done = listen("--benchmark", "--model", model_file, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def test_the_figures_name_what_was_measured(figures: dict[str, Any], model_file: Path) -> None:
    assert (figures["schema"], figures["type"]) == (1, "benchmark")
    sha256 = hashlib.sha256(model_file.read_bytes()).hexdigest()
    assert figures["model"] == {"name": "tiny", "version": "1", "sha256": sha256}
    assert figures["machine"].keys() == {"processor", "cores", "python", "onnxruntime"}
    assert figures["machine"]["processor"]
    assert (figures["window_s"], figures["threads"]) == (2.992, 1)
    assert figures["windows"] >= 10


def test_every_stage_has_a_cost(figures: dict[str, Any]) -> None:
    assert figures["stages"].keys() == STAGES.keys()
    for name, cost in figures["stages"].items():
        assert 0 < cost["median_ms"] <= cost["p95_ms"], name


def test_the_session_costs_about_what_its_parts_do(figures: dict[str, Any]) -> None:
    medians = {name: cost["median_ms"] for name, cost in figures["stages"].items()}
    parts = medians["resample"] + medians["mel"] + medians["inference"]
    assert 0.7 * parts < medians["session"] < 5 * parts


def test_what_follows_from_the_costs_agrees_with_them(figures: dict[str, Any]) -> None:
    session_ms = figures["stages"]["session"]["median_ms"]
    assert figures["windows_per_second_per_core"] == pytest.approx(1000 / session_ms, rel=1e-2)
    assert figures["times_real_time"] == pytest.approx(2992 / session_ms, rel=1e-2)
    # Whole streams, of a speed that is rounded to a hundredth.
    assert figures["times_real_time"] - 1.01 < figures["live_streams_per_core"] <= figures["times_real_time"] + 0.01
    assert figures["live_stream_cpu_share"] == pytest.approx(session_ms / 2992, rel=1e-2)


def test_the_arithmetic() -> None:
    assert EXAMPLE.windows_per_second == pytest.approx(250)
    assert EXAMPLE.times_real_time == pytest.approx(748)
    assert EXAMPLE.live_share == pytest.approx(4 / 2992)


def test_the_table_says_all_of_it() -> None:
    text = EXAMPLE.to_text()
    assert "example 7" in text
    for label in STAGES.values():
        assert label in text
    assert "748" in text
    assert "0.13 %" in text
    assert "293 KiB" in text
    assert max(map(len, text.splitlines())) <= 80


def test_memory_that_the_system_does_not_tell_is_not_made_up() -> None:
    report = Report(EXAMPLE.model, 2.992, 100, EXAMPLE.stages, memory_bytes=None)
    assert report.to_json()["memory_per_stream_bytes"] is None
    assert "not told" in report.to_text()


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_a_stream_takes_at_least_the_memory_of_its_window_and_not_megabytes(figures: dict[str, Any]) -> None:
    assert 187 * 96 * 4 < figures["memory_per_stream_bytes"] < 5_000_000


def test_a_network_that_does_more_costs_more(tiny_model: Model) -> None:
    spent = []
    for model in (tiny_model, load(DEFAULT_MODEL)):
        infer = workloads(model)["inference"]
        began = time.process_time()
        for _ in range(50):
            infer()
        spent.append(time.process_time() - began)
    assert spent[0] < spent[1]


def test_a_model_that_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StreamError, match=r"^no model file at .*absent\.onnx$"):
        benchmark.run(tmp_path / "absent.onnx", as_json=True, out=io.StringIO())
