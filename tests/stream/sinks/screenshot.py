"""A picture of the screen, for the documentation, from the records of a real run.

python -m stream.listen --demo --output jsonl --output-file demo.jsonl
python -m tests.stream.sinks.screenshot demo.jsonl docs/screen.svg
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from stream.sinks.screen_frame import UNICODE, frame
from stream.sinks.screen_state import ScreenState
from stream.tagging.record import Estimate, Event, Final, ModelId, Record, Status

_TYPES: dict[str, type[Record]] = {"estimate": Estimate, "final": Final, "event": Event, "status": Status}


def parse(fields: dict[str, Any]) -> Record:
    """Return the record that a line of JSON holds."""
    values = dict(fields)
    kind = _TYPES[values.pop("type")]
    del values["schema"]
    if kind is Event:
        values["phase"], values["mood"] = values.pop("event"), values.pop("mood_name")
    if kind is Final:
        del values["mood"]
    if "model" in values:
        values["model"] = ModelId(**values["model"])
    return kind(**values)


def draw(records: Iterable[Record], width: int = 80, height: int = 20) -> str:
    """Return the screen at the last estimate as SVG.

    Raises:
        ValueError: there is no estimate with moods among the records.
    """
    kept = list(records)
    scored = [index for index, one in enumerate(kept) if isinstance(one, Estimate) and one.mood is not None]
    if not scored:
        raise ValueError("no scored window in these records")
    last = kept[scored[-1]]
    assert isinstance(last, Estimate) and last.mood is not None
    state = ScreenState(list(last.mood), last.end_s - last.start_s)
    for record in kept[: scored[-1] + 1]:
        now = datetime.fromisoformat(record.time).timestamp()
        if isinstance(record, Estimate) and record.rms_dbfs is not None:
            state.hear(record.stream, record.end_s, record.rms_dbfs, now)
        state.take(record, now)
    console = Console(file=io.StringIO(), record=True, width=width, force_terminal=True, color_system="truecolor")
    console.print(frame(state, width, height, None, UNICODE))
    return console.export_svg(title="moodstream")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read records and write the picture."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.stream.sinks.screenshot", description="Draw the screen as SVG."
    )
    parser.add_argument("records", type=Path, help="records as JSON lines")
    parser.add_argument("picture", type=Path, help="SVG file to write")
    given = parser.parse_args(arguments)
    lines = given.records.read_text(encoding="utf-8").splitlines()
    given.picture.write_text(draw(parse(json.loads(line)) for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
