"""A stream goes on in another process as if nothing had happened."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.contract import Model
from stream.tagging.audio import AudioChunk
from stream.tagging.record import Estimate, Event, Final, Record
from stream.tagging.session import Session, SessionOptions
from stream.tagging.snapshot import SessionSnapshot
from tests.stream.sound import chunks, tune


def relay(sessions: list[Session], pieces: list[AudioChunk], cuts: list[int]) -> list[Record]:
    """Feed the pieces, handing over to the next session before each of the cuts by a snapshot in JSON."""
    session, *others = sessions
    records: list[Record] = []
    for index, piece in enumerate(pieces):
        if index in cuts:
            text = json.dumps(session.snapshot().to_json())
            needed, session = session.needed_from, others.pop(0)
            session.resume(SessionSnapshot.from_json(json.loads(text)))
            for again in pieces[:index]:
                if again.first_sample + len(again.samples) > needed:
                    records += session.feed(cut_to(again, needed))
            records += session.settle()
        records += session.feed(piece)
    return records + session.flush()


def cut_to(piece: AudioChunk, needed: int) -> AudioChunk:
    skip = max(0, needed - piece.first_sample)
    return AudioChunk(piece.stream, piece.samples[skip:], piece.samplerate, piece.first_sample + skip)


def essence(records: list[Record]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for record in records:
        match record:
            case Estimate():
                found.append((record.window, record.status, record.start_sample, record.windows))
            case Event():
                found.append((record.mood, record.phase, record.at_s))
            case Final():
                found.append((record.status, record.windows, record.silent_windows, record.gap_windows, record.end_s))
    return found


def same(got: list[Record], wanted: list[Record]) -> None:
    assert essence(got) == essence(wanted)
    for one, other in zip(got, wanted, strict=True):
        if isinstance(one, Estimate) and isinstance(other, Estimate):
            assert one.mood == pytest.approx(other.mood, abs=1e-5)
        if isinstance(one, Estimate | Final) and isinstance(other, Estimate | Final):
            assert one.running == pytest.approx(other.running, abs=1e-6)


def pieces_of(sound: np.ndarray, rate: int, size: int, lost: set[int]) -> list[AudioChunk]:
    whole = list(chunks(sound, rate, size=size))
    return [piece for index, piece in enumerate(whole) if index == 0 or index not in lost]


@settings(max_examples=40)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]),
    hop=st.sampled_from([5, 60, 187, 250]),
    seconds=st.floats(0.25, 1.0),
    average=st.sampled_from(["mean", "ema", "none"]),
    where=st.lists(st.floats(0, 1), min_size=1, max_size=3, unique=True),
    lost=st.sets(st.integers(1, 40), max_size=6),
)
def test_a_relay_of_sessions_says_what_one_session_says(
    tiny_model: Model, rate: int, hop: int, seconds: float, average, where: list[float], lost: set[int]
) -> None:
    pieces = pieces_of(tune(12, rate), rate, int(seconds * rate), lost)
    options = SessionOptions(hop_frames=hop, average=average, threshold=0.1, threshold_off=0.05, min_duration=0.0)
    cuts = sorted({1 + int(part * (len(pieces) - 1)) for part in where} & set(range(len(pieces))))
    one = relay([Session("s", tiny_model, options)], pieces, [])
    many = relay([Session("s", tiny_model, options) for _ in range(len(cuts) + 1)], pieces, cuts)
    same(many, one)


def test_a_hole_of_hours_is_counted_once(tiny_model: Model) -> None:
    rate = 16000
    early = list(chunks(tune(7, rate), rate, size=rate))
    late = list(chunks(tune(7, rate), rate, size=rate, first=3 * 3600 * rate))
    pieces = [*early, *late]
    for hop in (3, 187):
        options = SessionOptions(hop_frames=hop)
        one = relay([Session("s", tiny_model, options)], pieces, [])
        for cut in range(5, 12):
            same(relay([Session("s", tiny_model, options) for _ in range(2)], pieces, [cut]), one)


def test_sound_that_does_not_come_again_is_a_gap(tiny_model: Model) -> None:
    pieces = list(chunks(tune(12), 16000, size=16000))
    first, second = Session("s", tiny_model), Session("s", tiny_model)
    records = [record for piece in pieces[:8] for record in first.feed(piece)]
    second.resume(first.snapshot())
    records += second.settle()
    records += [record for piece in pieces[8:] for record in second.feed(piece)] + second.flush()
    estimates = [record for record in records if isinstance(record, Estimate)]
    assert [(e.window, e.status) for e in estimates] == [(0, "ok"), (1, "ok"), (2, "gap"), (3, "ok")]
    assert records[-1].status == "gap"


def test_other_moods_begin_their_average_anew_on_the_same_windows(tiny_model: Model) -> None:
    pieces = list(chunks(tune(12), 16000, size=16000))
    first = Session("s", tiny_model)
    for piece in pieces[:8]:
        first.feed(piece)
    second = Session("s", tiny_model, SessionOptions(average="ema"))
    second.resume(first.snapshot())
    records = [r for piece in pieces[:8] for r in second.feed(cut_to(piece, first.needed_from))] + second.settle()
    records += [r for piece in pieces[8:] for r in second.feed(piece)]
    assert [(r.window, r.windows) for r in records if isinstance(r, Estimate)] == [(2, 1), (3, 2)]


def test_a_live_session_cannot_be_resumed(tiny_model: Model) -> None:
    live = Session("s", tiny_model, live=True)
    live.feed(next(iter(chunks(tune(1), 16000, size=16000))))
    with pytest.raises(ValueError, match="cut at silences"):
        live.snapshot()


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(ValueError, match="not the state of a session"):
        SessionSnapshot.from_json({"samplerate": 16000})
