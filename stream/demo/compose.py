"""Play the demo's pieces from their scores into the sound files that `--demo` plays.

    python -m stream.demo.compose                      # all of them, next to this file
    python -m stream.demo.compose --output /tmp iron_teeth

Everything is synthesised here, by numpy alone and from fixed seeds, so the same score gives the same sound.
"""

from __future__ import annotations

import argparse
import importlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from stream.demo.effects import SAMPLERATE
from stream.demo.playlist import PIECES, Piece

_BIT_RATE = 80_000


def render(piece: Piece) -> NDArray[np.float32]:
    """Return a piece as it sounds before it is encoded, shape (n, 2), at 48 kHz, full scale at 1.0."""
    sound: NDArray[np.float32] = importlib.import_module(f"stream.demo.pieces.{piece.name}").render()
    return sound


def write_opus(path: Path, sound: NDArray[np.float32], title: str) -> None:
    """Encode a sound of shape (n, 2) at 48 kHz as Ogg Opus; the same sound gives the same bytes."""
    with av.open(path, "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        container.metadata["title"] = title
        stream = container.add_stream("libopus", rate=SAMPLERATE, layout="stereo", bit_rate=_BIT_RATE)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound).reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate = SAMPLERATE
        frame.time_base = Fraction(1, SAMPLERATE)
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    description, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        "python -m stream.demo.compose",
        description=description,
        epilog=rest,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("pieces", nargs="*", metavar="PIECE", help="names of the pieces (default: all)")
    parser.add_argument("--output", type=Path, default=PIECES[0].path.parent, help="folder to write to")
    options = parser.parse_args(arguments)
    unknown = set(options.pieces) - {piece.name for piece in PIECES}
    if unknown:
        parser.error(f"no such piece: {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in PIECES)}")
    for piece in PIECES:
        if not options.pieces or piece.name in options.pieces:
            write_opus(options.output / piece.path.name, render(piece), piece.title)


if __name__ == "__main__":
    main()
