"""A shadow scores the same windows, says how far it agrees, and touches nothing, whatever becomes of it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper, numpy_helper

from model.contract import Model, load
from model.frontend import FrontEnd
from stream.models.shadow import Agreement, Comparison, Shadow, compare
from stream.tagging.model_in_use import ModelInUse
from stream.tagging.observer import Observer
from stream.tagging.record import Record
from stream.tagging.session import Session, SessionOptions
from tests import models
from tests.stream.command import listen as run
from tests.stream.command import records
from tests.stream.fed import Fed
from tests.stream.files import write
from tests.stream.sound import chunks, estimates, listen, tune

CLOSE = SessionOptions(hop_frames=20)  # more than a hundred windows in 40 s
OWN_TIMES = ("time", "inference_ms")


class Compared(Observer):
    """Keeps what the shadow makes of windows."""

    def __init__(self) -> None:
        self.comparisons: list[Comparison] = []
        self.failures = self.skips = 0

    def shadow_scored(self, differences: Mapping[str, float], same_leader: bool | None, seconds: float) -> None:
        assert seconds > 0
        self.comparisons.append(Comparison(differences, same_leader))

    def shadow_failed(self) -> None:
        self.failures += 1

    def shadow_skipped(self) -> None:
        self.skips += 1


class Slow:
    """A model that answers when the test lets it: as slow as no real one can be made."""

    def __init__(self, model: Model) -> None:
        self.info = model.info
        self.may_answer = threading.Event()
        self._model = model

    def predict(self, windows: np.ndarray) -> np.ndarray:
        self.may_answer.wait(60)
        return self._model.predict(windows)


def failing(path: Path) -> Path:
    """A model that is verified and then answers NaN to music: the square root of a number below zero for windows
    whose mean is neither that of silence nor that of loud noise."""
    network = models.tiny_network()
    graph = network.graph
    mean = helper.make_node("ReduceMean", ["melspectrogram"], ["mean"], axes=[1, 2], keepdims=0)
    low, high = helper.make_node("Sub", ["mean", "low"], ["a"]), helper.make_node("Sub", ["mean", "high"], ["b"])
    product, root = helper.make_node("Mul", ["a", "b"], ["c"]), helper.make_node("Sqrt", ["c"], ["root"])
    nothing = helper.make_node("Mul", ["root", "zero"], ["nothing"])
    column = helper.make_node("Unsqueeze", ["nothing", "one"], ["column"])
    graph.node[-1].output[0] = "fine"
    graph.node.extend([mean, low, high, product, root, nothing, column])
    graph.node.append(helper.make_node("Add", ["fine", "column"], ["moods"]))
    constants = {"low": 0.02, "high": 1.95, "zero": 0.0}
    graph.initializer.extend(numpy_helper.from_array(np.float32(value), name) for name, value in constants.items())
    graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "one"))
    onnx.checker.check_model(network)
    assert network.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    return models.save(path, network, models.metadata(name="failing"))


def score(model: Model, shadow: Any, compared: Compared) -> list[Record]:
    """Score twelve seconds with a shadow beside, to the end of both."""
    second = Shadow(shadow, [compared])
    in_use = ModelInUse(model)
    second.start()
    in_use.observer = second
    found = listen(Session("s", in_use), chunks(tune(12)))
    second.close()
    return found


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the shadow said that a user must see; the summary at its end, which is information, left out."""
    logged = [record for record in caplog.records if record.name == "stream.models.shadow"]
    return [record.levelname for record in logged if record.levelno >= logging.WARNING]


def plain(found: list[Record]) -> list[dict[str, Any]]:
    return [without_times(record.to_json()) for record in found]


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in OWN_TIMES}


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Model:
    labels = ("sad", "bright", "happy")
    path = tmp_path_factory.mktemp("other") / "other.onnx"
    return load(models.save(path, models.tiny_network(3), models.metadata(labels, name="other")))


def test_a_model_agrees_with_itself(tiny_model: Model) -> None:
    compared = Compared()
    score(tiny_model, tiny_model, compared)
    assert [each.same_leader for each in compared.comparisons] == [True] * 4
    assert all(each.differences == dict.fromkeys(models.LABELS, 0.0) for each in compared.comparisons)
    assert (compared.failures, compared.skips) == (0, 0)


def test_results_are_the_same_bit_for_bit_with_and_without(tiny_model: Model, other: Model) -> None:
    alone = plain(listen(Session("s", tiny_model), chunks(tune(12))))
    assert plain(score(tiny_model, other, Compared())) == alone


def test_only_moods_that_both_know_are_compared_and_by_name(tiny_model: Model, other: Model) -> None:
    compared = Compared()
    found = [record.to_json() for record in score(tiny_model, other, compared)]
    windows = [record["mood"] for record in found if record["type"] == "estimate"]
    theirs = [record.to_json() for record in listen(Session("s", other), chunks(tune(12)))]
    pairs = zip(windows, [record["mood"] for record in theirs if record["type"] == "estimate"], strict=True)
    for comparison, (one, two) in zip(compared.comparisons, pairs, strict=True):
        assert comparison.differences == pytest.approx({m: abs(one[m] - two[m]) for m in ("happy", "sad")}, abs=1e-6)
        assert comparison.same_leader == ((one["happy"] > one["sad"]) == (two["happy"] > two["sad"]))


def test_one_that_fails_is_said_once_and_counted(
    tiny_model: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    compared = Compared()
    found = score(tiny_model, load(failing(tmp_path / "f.onnx")), compared)
    assert plain(found) == plain(listen(Session("s", tiny_model), chunks(tune(12))))
    assert (compared.comparisons, compared.failures) == ([], 4)
    assert warnings(caplog) == ["ERROR"]


def test_one_that_is_too_slow_is_not_waited_for(tiny_model: Model, caplog: pytest.LogCaptureFixture) -> None:
    slow, compared = Slow(tiny_model), Compared()
    shadow = Shadow(slow, [compared])  # type: ignore[arg-type]
    in_use = ModelInUse(tiny_model)
    shadow.start()
    in_use.observer = shadow
    found = listen(Session("s", in_use, CLOSE), chunks(tune(40)))  # and not one answer yet
    alone = listen(Session("s", tiny_model, CLOSE), chunks(tune(40)))
    assert plain(found) == plain(alone)
    waited = compared.skips
    assert waited > 30
    slow.may_answer.set()
    shadow.close()
    assert len(compared.comparisons) + compared.skips == len(estimates(alone)) > 100
    assert warnings(caplog) == ["WARNING"]


def test_without_a_clock_every_window_is_compared(tiny_model: Model) -> None:
    compared = Compared()
    in_use, shadow = ModelInUse(tiny_model), Shadow(tiny_model, [compared], patience=30.0)
    shadow.start()
    in_use.observer = shadow
    found = listen(Session("s", in_use, CLOSE), chunks(tune(40)))
    shadow.close()
    assert (len(compared.comparisons), compared.skips) == (len(estimates(found)), 0)


def test_the_command_says_how_far_both_agree_and_writes_the_same(tmp_path: Path) -> None:
    model = models.save(tmp_path / "m.onnx")
    song = write(tmp_path / "song.wav", tune(31), 16_000, codec="pcm_s16le")
    arguments = ("--file", song, "--model", model, "--output", "jsonl")
    alone, beside = run(*arguments), run(*arguments, "--shadow-model", model)
    harmed = run(*arguments, "--shadow-model", failing(tmp_path / "f.onnx"))
    assert (alone.returncode, beside.returncode, harmed.returncode) == (0, 0, 0)
    wanted = [without_times(record) for record in records(alone.stdout)]
    assert len(wanted) > 10
    assert [without_times(record) for record in records(beside.stdout)] == wanted
    assert [without_times(record) for record in records(harmed.stdout)] == wanted
    assert "10 windows scored, 0 failed, 0 skipped; the leading mood is the same in 100.0 % of them" in beside.stderr
    assert "0 windows scored, 10 failed, 0 skipped; no window was compared" in harmed.stderr
    assert harmed.stderr.count("the shadow model fails") == 1


def test_metrics_of_a_running_command(tmp_path: Path) -> None:
    model = models.save(tmp_path / "m.onnx")
    with Fed(tmp_path, "--model", model, "--shadow-model", model, "--metrics-port", "0") as fed:
        fed.hear(tune(10))
        fed.await_metric('moodstream_shadow_windows_total{result="scored"} 3.0')
        text = fed.metrics()
        fed.end()
    for line in (
        'moodstream_shadow_mood_difference_sum{mood="happy"} 0.0',
        'moodstream_shadow_mood_difference_bucket{le="0.01",mood="happy"} 3.0',
        'moodstream_shadow_leading_moods_total{agreement="same"} 3.0',
        'moodstream_shadow_leading_moods_total{agreement="different"} 0.0',
        "moodstream_shadow_inference_duration_seconds_count 3.0",
    ):
        assert line in text.splitlines()
    assert 'moodstream_shadow_model_info{name="tiny"' in text


def test_one_that_cannot_be_compared_is_refused_at_the_start(tmp_path: Path) -> None:
    model = models.save(tmp_path / "m.onnx")
    narrow = json.dumps(FrontEnd(n_mels=64).to_metadata())
    models.save(tmp_path / "narrow.onnx", models.tiny_network(n_mels=64), models.metadata(frontend=narrow))
    models.save(tmp_path / "far.onnx", models.tiny_network(2), models.metadata(("bright", "dark")))
    for name, reason in (
        ("narrow.onnx", "n_mels is 64 in the file and 96 here"),
        ("far.onnx", "has no mood in common with tiny: bright, dark and happy, angry, sad, calm"),
        ("none.onnx", "no model file at"),
    ):
        done = run("--demo", "--model", model, "--shadow-model", tmp_path / name, "--metrics-port", "off")
        assert done.returncode == 1
        assert reason in done.stderr and len(done.stderr.splitlines()) == 1


_answers = hnp.arrays(np.float32, 4, elements=st.floats(0, 1, width=32))


@given(one=_answers, two=_answers)
def test_a_comparison_is_symmetric_and_within_bounds(one: np.ndarray, two: np.ndarray) -> None:
    labels = models.LABELS
    there, back = compare(labels, one, labels, two), compare(labels, two, labels, one)
    assert there == back
    assert all(0.0 <= value <= 1.0 for value in there.differences.values())
    np.testing.assert_allclose(list(there.differences.values()), np.abs(one - two), atol=1e-7)
    assert compare(labels, one, labels, one) == Comparison(dict.fromkeys(labels, 0.0), same_leader=True)


@given(st.lists(st.tuples(_answers, _answers), min_size=1, max_size=20))
def test_means_are_those_of_all_windows(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    agreement = Agreement()
    for one, two in pairs:
        agreement.add(compare(models.LABELS, one, models.LABELS, two))
    means = agreement.mean_differences
    wanted = np.mean([np.abs(one.astype(float) - two) for one, two in pairs], axis=0)
    np.testing.assert_allclose([means[label] for label in models.LABELS], wanted, atol=1e-9)
    same = [np.argmax(one) == np.argmax(two) for one, two in pairs]
    assert (agreement.windows, agreement.same_leader) == (len(pairs), sum(same))


def test_one_common_mood_has_no_leader() -> None:
    found = compare(("a", "b"), np.float32([0.5, 0.1]), ("b", "c"), np.float32([0.3, 0.9]))
    assert found.differences == {"b": pytest.approx(0.2)} and found.same_leader is None
