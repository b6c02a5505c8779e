"""Files of records: written as a run writes them, and read back.

sent = fill(tmp_path / "moods.csv")
rows = read(tmp_path / "moods.csv")
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet

from stream.common.stop import Stop
from stream.sinks.result_file import Limits, open_results
from stream.tagging.record import Record
from tests.stream.sinks import records


def read(path: Path) -> list[dict[str, Any]]:
    """The records of a file as flat rows of texts, numbers and None."""
    match path.suffix:
        case ".parquet":
            rows = pyarrow.parquet.read_table(path).to_pylist()
            return [{**row, "time": f"{row['time']:%Y-%m-%dT%H:%M:%S}"} for row in rows]
        case ".csv":
            with path.open(newline="") as file:
                return [{**row, "time": row["time"][:19]} for row in csv.DictReader(file)]
        case _:
            lines = path.read_text().splitlines()
            return [{**row, "time": row["time"][:19]} for row in map(json.loads, lines)]


def fill(path: Path, limits: Limits = Limits(), count: int = 40) -> list[Record]:
    sink = open_results(path, records.LABELS, limits, Stop())
    sent = [record for number in range(count) for record in (records.estimate(window=number), records.event())]
    for record in sent:
        sink.emit(record)
    sink.close()
    sink.close()
    return sent
