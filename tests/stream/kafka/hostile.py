"""Records that nobody can use, of every kind there is, from a seed.

for bad in hostile(10_000, seed=1): bad.record, bad.reason
for bad in out_of_line(chunk, rng): ...         # those that only their stream shows to be wrong
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator

from stream.kafka.wire.chunks import Chunk, encode
from tests.stream.kafka.log import speak
from tests.stream.kafka.topic_io import Record

Headers = list[tuple[str, bytes]]

STAGES = {
    "no_key": "KEY_CONVERTER",
    "bad_key": "KEY_CONVERTER",
    "missing_header": "HEADER_CONVERTER",
    "bad_header": "HEADER_CONVERTER",
    "content_type": "HEADER_CONVERTER",
    "no_value": "VALUE_CONVERTER",
    "wrong_length": "VALUE_CONVERTER",
    "undecodable": "VALUE_CONVERTER",
    "oversized": "VALUE_CONVERTER",
    "sequence": "TASK_PUT",
    "sample": "TASK_PUT",
    "format_changed": "TASK_PUT",
    "samplerate": None,  # in the headers or in FLAC's head
    "channels": None,
}
"""Where each reason shows."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bad:
    """A record and the reason why it must end among the dead letters."""

    record: Record
    reason: str

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        headers = sum(len(name.encode()) + len(value) for name, value in self.record.headers)
        return len(self.record.key or b"") + len(self.record.value or b"") + headers


def hostile(count: int, seed: int) -> Iterator[Bad]:
    """Return so many bad records, every kind among them; they name streams of their own, or none."""
    rng = random.Random(seed)
    for number in range(count):
        yield _MAKERS[number % len(_MAKERS)](rng, number)


def out_of_line(due: Chunk, rng: random.Random) -> Iterator[Bad]:
    """Return records that cannot come where a chunk that is not its stream's first should come next."""
    far = due.seq + rng.randrange(1_000_002, 10**9)
    yield _chunk(dataclasses.replace(due, seq=far), "sequence")
    yield _chunk(dataclasses.replace(due, seq=2**62), "sequence")
    yield _chunk(dataclasses.replace(due, sample=rng.randrange(due.sample)), "sample")
    yield _chunk(dataclasses.replace(due, sample=due.sample + 86_401 * due.samplerate), "sample")
    yield _chunk(dataclasses.replace(due, sample=2**62), "sample")
    yield _chunk(dataclasses.replace(due, samplerate=due.samplerate + rng.randrange(1, 1000)), "format_changed")


def filler(size: int, rng: random.Random) -> Bad:
    """Return a bad record with a value of so many bytes."""
    headers = _with(_headers(rng), "content-type", b"audio/flac")
    return Bad(Record(rng.randbytes(size), b"giant", headers), "undecodable")


def giants(limit: int, rng: random.Random) -> Iterator[Bad]:
    """Return records that a topic with this limit (max.message.bytes) takes, and not with the headers of a dead letter.

    The first two are too large for their values, then one for its headers and one for its key.
    """
    room = limit - 400
    for _ in range(2):
        yield filler(room, rng)
    yield Bad(Record(b"", b"giant", [("x-other", rng.randbytes(limit - 150))]), "missing_header")
    yield Bad(Record(b"", rng.randbytes(limit - 400), _headers(rng)), "bad_key")


def _chunk(chunk: Chunk, reason: str) -> Bad:
    message = encode(chunk, "S16LE", "hostile")
    return Bad(Record(message.value, message.key, message.headers, message.timestamp_ms), reason)


def _headers(rng: random.Random) -> Headers:
    number = rng.randrange(1000)
    return [
        ("content-type", b"audio/x-raw; format=S16LE; rate=16000; channels=1"),
        ("ce_specversion", b"1.0"),
        ("ce_type", b"mood.audio.chunk.v1"),
        ("ce_source", b"hostile"),
        ("ce_id", b"%d" % number),
        ("x-session", b"bad"),
        ("x-seq", b"%d" % number),
        ("x-sample", b"%d" % (number * 100)),
    ]


def _with(headers: Headers, name: str, value: bytes) -> Headers:
    return [(each, value if each == name else old) for each, old in headers] + (
        [] if name in dict(headers) else [(name, value)]
    )


def _bad(reason: str, change: Callable[[random.Random, int], Record]) -> Callable[[random.Random, int], Bad]:
    return lambda rng, number: Bad(change(rng, number), reason)


def _sound(rng: random.Random) -> bytes:
    return rng.randbytes(2 * rng.randrange(1, 200))


def _key(number: int) -> bytes:
    return b"bad-%d" % (number % 7)


def _no_key(rng: random.Random, number: int) -> Record:
    return Record(_sound(rng), rng.choice([None, b""]), _headers(rng))


def _bad_key(rng: random.Random, number: int) -> Record:
    return Record(
        _sound(rng), rng.choice([b"\xff" + rng.randbytes(9), b"k" * rng.randrange(1025, 3000)]), _headers(rng)
    )


def _no_value(rng: random.Random, number: int) -> Record:
    return Record(None, _key(number), _headers(rng))


def _missing(rng: random.Random, number: int) -> Record:
    headers = _headers(rng)
    gone = rng.randrange(len(headers))
    kept = headers[:gone] + headers[gone + 1 :]
    return Record(rng.randbytes(99), _key(number), rng.choice([[], kept, _with(headers, headers[gone][0], b"")]))


def _bytes(rng: random.Random, number: int) -> Record:
    names = ("x-seq", "é" * rng.randrange(1, 9), "x-" + "n" * rng.randrange(200), "")
    headers = [(rng.choice(names[1:]), rng.randbytes(rng.randrange(300))) for _ in range(rng.randrange(9))]
    return Record(rng.randbytes(rng.randrange(3000)), rng.randbytes(5).hex().encode(), headers)


def _bad_header(rng: random.Random, number: int) -> Record:
    wrong = [
        ("ce_specversion", b"0.3"),
        ("ce_type", b"com.example.other"),
        ("x-seq", b"-1"),
        ("x-seq", b"1e3"),
        ("x-seq", b"%d" % (2**62 + 1)),
        ("x-seq", b"9" * rng.randrange(20, 5000)),
        ("x-sample", b"0x10"),
        ("x-sample", b"nan"),
        ("x-sample", "٣".encode()),
        ("x-flags", b"begin"),
        ("x-flags", b"start,,end"),
        ("x-track", b"%ff%fe"),
        ("x-track", b"x" * 9000),
        ("x-session", b"a\nb"),
        ("ce_id", b"\x00"),
    ]
    headers = _with(_headers(rng), *rng.choice(wrong))
    return Record(_sound(rng), _key(number), rng.choice([headers, headers, [*_headers(rng), ("x-seq", b"1")]]))


def _content_type(rng: random.Random, number: int) -> Record:
    wrong = [
        b"audio/mpeg",
        b"text/html",
        b";;;",
        b"audio/x-raw; format=Z9; rate=16000; channels=1",
        b"audio/x-raw; rate=16000; channels=1",
        b"audio/L16; channels=1",
        b"audio/L16; rate=8000; rate=16000",
        b"audio/x-raw; format=S16LE; layout=non-interleaved; rate=16000; channels=2",
        b"A" * rng.randrange(1, 4000),
    ]
    return Record(_sound(rng), _key(number), _with(_headers(rng), "content-type", rng.choice(wrong)))


def _wrong_length(rng: random.Random, number: int) -> Record:
    return Record(rng.choice([_sound(rng) + b"!", b""]), _key(number), _headers(rng))


def _undecodable(rng: random.Random, number: int) -> Record:
    good = encode(speak("x", 0.1, seed=number % 5)[0], "FLAC", "hostile").value
    # Where no checksum looks (the tags between head and frames) damage does no harm: so the first frame is hit.
    at = good.rindex(b"\xff\xf8") if b"\xff\xf8" in good else len(good) // 2
    broken = bytearray(good)
    broken[at + 20] ^= 1 << rng.randrange(8)
    value = rng.choice([b"RIFF" + rng.randbytes(50), good[: rng.randrange(5, len(good) - 1)], bytes(broken)])
    return Record(value, _key(number), _with(_headers(rng), "content-type", b"audio/flac"))


def _samplerate(rng: random.Random, number: int) -> Record:
    rate = rng.choice([b"0", b"7999", b"192001", b"-16000", b"16e3", b"9" * 30])
    kind = b"audio/x-raw; format=S16LE; rate=%s; channels=1" % rate
    return Record(_sound(rng), _key(number), _with(_headers(rng), "content-type", kind))


def _channels(rng: random.Random, number: int) -> Record:
    kind = b"audio/x-raw; format=S16LE; rate=16000; channels=%s" % rng.choice([b"0", b"65", b"two", b"-1", b"1.5"])
    return Record(_sound(rng), _key(number), _with(_headers(rng), "content-type", kind))


def _oversized(rng: random.Random, number: int) -> Record:
    kind = b"audio/x-raw; format=U8; rate=8000; channels=1"
    return Record(bytes(80_001 + rng.randrange(100)), _key(number), _with(_headers(rng), "content-type", kind))


def _absurd(name: str) -> Callable[[random.Random, int], Record]:
    def make(rng: random.Random, number: int) -> Record:
        limit = {"x-seq": 10**10, "x-sample": 10**16}[name]
        return Record(_sound(rng), _key(number), _with(_headers(rng), name, b"%d" % rng.randrange(limit + 1, 2**62)))

    return make


_MAKERS = (
    _bad("no_key", _no_key),
    _bad("bad_key", _bad_key),
    _bad("no_value", _no_value),
    _bad("missing_header", _missing),
    _bad("missing_header", _bytes),
    _bad("bad_header", _bad_header),
    _bad("content_type", _content_type),
    _bad("wrong_length", _wrong_length),
    _bad("undecodable", _undecodable),
    _bad("samplerate", _samplerate),
    _bad("channels", _channels),
    # Quickly made and small: most of them.
    *[_bad("content_type", _content_type)] * 20,
    *[_bad("bad_header", _bad_header)] * 20,
    _bad("oversized", _oversized),
    _bad("sequence", _absurd("x-seq")),
    _bad("sample", _absurd("x-sample")),
)
