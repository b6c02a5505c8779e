"""A model takes over at a window's boundary, in a running session and in one that is resumed elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.contract import Model, load
from model.frontend import FrontEnd
from stream.tagging.model_in_use import ModelInUse, same_frontend, same_labels
from stream.tagging.record import Estimate, Event, Final, Record
from stream.tagging.session import Session, SessionOptions
from stream.tagging.snapshot import SessionSnapshot
from tests import models
from tests.stream.sound import chunks, estimates, events, finals, listen, tune

OTHERS = ("bright", "dark", "sad")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Another model of the same moods."""
    network = models.tiny_network(gain=0.5)
    folder = tmp_path_factory.mktemp("second")
    return load(models.save(folder / "second.onnx", network, models.metadata(name="second")))


@pytest.fixture(scope="module")
def other_moods(tmp_path_factory: pytest.TempPathFactory) -> Model:
    network = models.tiny_network(len(OTHERS))
    folder = tmp_path_factory.mktemp("others")
    return load(models.save(folder / "others.onnx", network, models.metadata(OTHERS, name="others")))


def swapped(first: Model, then: Model, after: int, options: SessionOptions = SessionOptions()) -> list[Record]:
    """Twelve seconds in chunks of a tenth; the model is swapped after so many of them."""
    in_use = ModelInUse(first)
    session = Session("s", in_use, options)
    records = []
    for number, chunk in enumerate(chunks(tune(12))):
        if number == after:
            in_use.replace(then)
        records += session.feed(chunk)
    return records + session.flush()


@given(after=st.integers(0, 119))
def test_each_window_is_one_models_and_none_is_lost_or_doubled(tiny_model: Model, second: Model, after: int) -> None:
    alone = {
        model.info.sha256: estimates(listen(Session("s", model), chunks(tune(12)))) for model in (tiny_model, second)
    }
    got = estimates(swapped(tiny_model, second, after))
    assert [each.window for each in got] == [0, 1, 2, 3]
    for each in got:
        assert each.mood == alone[each.model.sha256][each.window].mood
        complete = each.end_s <= after * 0.1 + 1e-9  # by the last chunk before the swap
        assert each.model.sha256 == (tiny_model if complete else second).info.sha256


def test_an_average_goes_on_where_the_moods_are_the_same(tiny_model: Model, second: Model) -> None:
    records = swapped(tiny_model, second, after=70)
    got = estimates(records)
    assert [each.windows for each in got] == [1, 2, 3, 4]
    mean = np.mean([list((each.mood or {}).values()) for each in got], axis=0)
    (final,) = finals(records)
    assert final.running is not None
    np.testing.assert_allclose(list(final.running.values()), mean, atol=1e-6)
    assert (final.windows, final.model.name) == (4, "second")


def test_an_average_begins_anew_where_the_moods_are_others(tiny_model: Model, other_moods: Model) -> None:
    records = swapped(tiny_model, other_moods, after=70)
    assert [(each.windows, tuple(each.running or ())) for each in estimates(records)] == [
        (1, models.LABELS),
        (2, models.LABELS),
        (1, OTHERS),
        (2, OTHERS),
    ]
    (final,) = finals(records)
    alone = estimates(listen(Session("s", other_moods), chunks(tune(12))))[2:]
    assert final.running is not None and final.windows == 2 and final.model.name == "others"
    np.testing.assert_allclose(
        list(final.running.values()), np.mean([list((each.mood or {}).values()) for each in alone], axis=0), atol=1e-6
    )


def test_a_mood_that_goes_on_ends_where_a_model_takes_over_that_does_not_know_it(
    tiny_model: Model, other_moods: Model
) -> None:
    always = SessionOptions(threshold=0.0, threshold_off=0.0, min_duration=0.0)
    changes = [(each.mood, each.phase, each.at_s) for each in events(swapped(tiny_model, other_moods, 70, always))]
    assert changes[: len(models.LABELS)] == [(mood, "began", 0.0) for mood in models.LABELS]
    assert changes[4:8] == [(mood, "ended", 5.984) for mood in models.LABELS]
    assert changes[8:11] == [(mood, "began", 5.984) for mood in OTHERS]
    assert changes[11:] == [(mood, "ended", 12.0) for mood in OTHERS]


def test_a_session_that_is_resumed_under_other_moods_is_as_if_they_had_changed_while_it_ran(
    tiny_model: Model, other_moods: Model
) -> None:
    options = SessionOptions(threshold=0.0, threshold_off=0.0, min_duration=0.0)
    pieces = list(chunks(tune(12), size=16_000))
    first, second = Session("s", tiny_model, options), Session("s", other_moods, options)
    records = [record for piece in pieces[:7] for record in first.feed(piece)]
    needed = first.needed_from
    second.resume(SessionSnapshot.from_json(json.loads(json.dumps(first.snapshot().to_json()))))
    summary = second.summary()
    for piece in pieces[:7]:
        if piece.first_sample + len(piece.samples) > needed:
            records += second.feed(piece)
    records += second.settle()
    records += [record for piece in pieces[7:] for record in second.feed(piece)] + second.flush()
    assert _essence(records) == _essence(swapped(tiny_model, other_moods, 70, options))
    # Until the first window of its own, what is known of the track is what the model before knew.
    (final,) = finals(summary)
    assert final.running is not None
    assert (final.windows, tuple(final.running), final.model.name) == (2, models.LABELS, "tiny")


def test_a_snapshot_is_of_the_moods_that_were_averaged_not_of_those_to_come(
    tiny_model: Model, other_moods: Model
) -> None:
    in_use = ModelInUse(tiny_model)
    session = Session("s", in_use)
    for piece in chunks(tune(4)):
        session.feed(piece)
    in_use.replace(other_moods)
    snapshot = session.snapshot()
    assert snapshot.labels == models.LABELS
    assert snapshot.model is not None and snapshot.model.name == "tiny"


def test_a_state_of_before_models_had_a_name_in_it_is_gone_on_with(tiny_model: Model) -> None:
    first, second = Session("s", tiny_model), Session("s", tiny_model)
    for piece in chunks(tune(4)):
        first.feed(piece)
    old = first.snapshot().to_json()
    del old["model"]
    second.resume(SessionSnapshot.from_json(old))
    (final,) = finals(second.summary())
    assert (final.windows, final.model.sha256) == (1, tiny_model.info.sha256)


def test_a_model_of_another_front_end_is_refused_with_both_values(tiny_model: Model, tmp_path: Path) -> None:
    narrow = json.dumps(FrontEnd(n_mels=64).to_metadata())
    model = load(models.save(tmp_path / "n.onnx", models.tiny_network(n_mels=64), models.metadata(frontend=narrow)))
    reason = same_frontend(tiny_model.info, model.info)
    assert reason is not None and "n_mels is 64 in the file and 96 here" in reason
    in_use = ModelInUse(tiny_model)
    with pytest.raises(ValueError, match="n_mels is 64"):
        in_use.replace(model)
    assert in_use.current is tiny_model


def test_other_moods_are_refused_where_they_are_columns(tiny_model: Model, second: Model, other_moods: Model) -> None:
    assert same_labels(tiny_model.info, second.info) is None
    reason = same_labels(tiny_model.info, other_moods.info)
    assert reason is not None and "bright, dark, sad" in reason and "happy, angry, sad, calm" in reason


def _essence(records: list[Record]) -> list[object]:
    found: list[object] = []
    for each in records:
        match each:
            case Estimate():
                found.append((each.window, each.windows, each.model.name, tuple(each.running or ())))
            case Event():
                found.append((each.mood, each.phase, each.at_s))
            case Final():
                found.append((each.windows, each.model.name, each.end_s))
    return found
