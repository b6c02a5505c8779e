"""What the pages, plots and tables of a report say, whatever a manifest holds."""

from __future__ import annotations

import html.parser
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import pearsonr

from tests import models
from tests.train.report import songs
from train.figures.bootstrap import bootstrap
from train.figures.calibration import calibration_error
from train.report.judgement import confusion, label_intervals, other_intervals, weighted_correlation
from train.report.pages import escaped_markdown, visible

HOSTILE = "<img src=x onerror=alert(1)>|`code`\n# x\u202egnp.exe [a](http://e.vil) $x_1$ {{ 7 * 7 }} \x1b[31m"


class Tags(html.parser.HTMLParser):
    """Collects the tags of a page and what they load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.loaded: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        for name, value in attributes:
            if name in {"src", "srcset", "href"}:
                self.loaded.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)


def test_names_of_strangers_are_text_on_every_page(tmp_path: Path) -> None:
    labels = ("happy<script>", "$\\frac$ an`gry", "sad | 悲", "calm")
    models.save(tmp_path / "model.onnx", entries=models.metadata(labels, name=HOSTILE, version="<b>"))
    folder = tmp_path / "f"
    folder.mkdir()
    songs.make(folder, count=8)
    models.save(folder / "model.onnx", entries=models.metadata(labels, name=HOSTILE, version="<b>"))
    rows = []
    for number in range(8):
        entry = songs.row(number, title=HOSTILE) | {"artist": HOSTILE, "id": f"{HOSTILE} {number}"}
        rows.append({labels[songs.LABELS.index(k)] if k in songs.LABELS else k: v for k, v in entry.items()})
    rows.append({**rows[0], "id": "=cmd|' /C calc'!A0", "path": "<script>.wav"})
    songs.write_table(folder / "manifest.csv", rows)
    assert songs.run(folder) == 0
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    found = Tags(page)
    assert not found.names & {"script", "a", "b", "iframe", "object", "link"}
    assert not found.handlers
    assert all(address.startswith("data:image/png;base64,") for address in found.loaded)
    assert "\u202e" not in page
    assert "\x1b" not in page
    markdown = (folder / "report" / "report.md").read_text(encoding="utf-8")
    assert "<" not in re.sub(r"\\<", "", markdown)
    assert "\u202e" not in markdown
    blocks = [block.splitlines() for block in markdown.split("\n\n") if block.startswith("|")]
    assert len(blocks) >= 4
    for block in blocks:  # a cell's bar would make a column more
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block}) == 1


def test_what_cannot_be_seen_is_shown_as_its_code() -> None:
    assert visible("a\u202eb\nc\0d") == "a\\u202eb\\u000ac\\u0000d"
    assert visible("Sigur Rós – 悲しい ❤") == "Sigur Rós – 悲しい ❤"
    assert escaped_markdown("*a* <b> | [c](d) & _e_") == "\\*a\\* \\<b\\> \\| \\[c\\]\\(d\\) &amp; \\_e\\_"


def test_ratings_are_judged_by_correlation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    songs.make(tmp_path)
    rng = np.random.default_rng(3)
    ratings = rng.uniform(1, 5, (12, 2)).round(3)
    rows = [
        {"id": f"s{i}", "path": f"s{i}.wav", "split": "test", "happy[1..5]": x if i else "", "valence[1..5]": y}
        for i, (x, y) in enumerate(ratings)
    ]
    songs.write_table(tmp_path / "manifest.csv", rows)
    assert songs.run(tmp_path) == 0
    out = capsys.readouterr().out
    assert "note: valence follows from the model's happy, angry, sad, calm" in out
    found = songs.figures(tmp_path)["ratings"]
    said = np.array(list(songs.scores(tmp_path).values()))
    assert found["happy"]["songs"] == 11
    assert found["happy"]["r"] == pytest.approx(pearsonr(said[1:, 0], ratings[1:, 0]).statistic)
    valence = said[:, 0] + said[:, 3] - said[:, 1] - said[:, 2]
    assert found["valence"]["r"] == pytest.approx(pearsonr(valence, ratings[:, 1]).statistic)
    low, high = found["valence"]["interval"]
    assert -1 <= low <= found["valence"]["r"] <= high <= 1
    assert "happy r" in out
    files = {path.name for path in (tmp_path / "report").iterdir()}
    assert "ratings.png" in files
    assert "truth.npy" not in files
    assert "PR-AUC-macro" not in songs.figures(tmp_path)


def test_a_song_with_several_labels_counts_in_the_row_of_each() -> None:
    scores = np.array([[0.9, 0.1, 0.2], [0.1, 0.8, 0.3], [0.2, 0.1, 0.05]])
    truth = np.array([[1, 1, 0], [0, 0, 1], [0, 0, 0]], bool)
    np.testing.assert_array_equal(confusion(scores, truth), [[1, 0, 0], [1, 0, 0], [0, 1, 0]])


def test_intervals_hold_their_figure_and_are_the_bootstraps() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((120, 3)) < 0.4
    scores = np.clip(0.3 * truth + 0.7 * rng.random((120, 3)), 0, 1)
    groups = [f"{song:09d}" for song in range(120)]
    found = other_intervals(scores, truth, groups, 400, 0)["calibration-error"]
    # The same error drawn song by song with the figure itself: within the noise of 400 draws, its bias taken off.
    value = calibration_error(scores.ravel(), truth.ravel())
    plain = bootstrap(lambda s, t: calibration_error(s.ravel(), t.ravel()), [scores, truth], 400)
    assert found[0] < value < found[1]
    assert found[1] - found[0] == pytest.approx(plain[1] - plain[0], rel=0.25)
    for row in label_intervals(scores, truth, groups, 50, 0):
        assert row.roc_auc is not None
        assert 0.5 < row.roc_auc[0] < row.roc_auc[1] <= 1
    assert weighted_correlation(np.ones(5), np.arange(5.0), groups[:5], 10, 0)[1] is None


def test_one_artists_songs_say_less_than_as_many_artists(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    said, noise = np.repeat(rng.normal(size=12), 10), np.repeat(rng.normal(size=12), 10)
    rated = said + noise  # what is wrong of a song is wrong of all of its artist's
    by_song = weighted_correlation(said, rated, [f"{i:03d}" for i in range(120)], 300, 0)[1]
    by_artist = weighted_correlation(said, rated, [f"{i // 10:03d}" for i in range(120)], 300, 0)[1]
    assert by_song is not None
    assert by_artist is not None
    assert by_artist[1] - by_artist[0] > 1.5 * (by_song[1] - by_song[0])
