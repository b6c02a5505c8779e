"""Writes the dashboards' JSON, which Grafana reads at its start.

    python -m docker.grafana.build                  # into docker/grafana/dashboards/
    python -m docker.grafana.build FOLDER

Needs Grafana's SDK (extra `dev`). Change the panels in `mood_rows.py`, `tagger_rows.py` and so on, run this, and commit
both; a test holds them together.
"""

from __future__ import annotations

import sys
from pathlib import Path

from docker.grafana.mood import MOOD
from docker.grafana.tagger import TAGGERS

FOLDER = Path(__file__).parent / "dashboards"
PAGES = {"mood.json": MOOD, "tagger.json": TAGGERS}


def write(folder: Path) -> list[Path]:
    """Write all dashboards into a folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, page in PAGES.items():
        path = folder / name
        path.write_text(page.to_json(), encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    for each in write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        sys.stdout.write(f"{each}\n")
