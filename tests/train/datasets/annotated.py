"""Small annotation files in the layout of the published ones, made by the tests."""

from __future__ import annotations

from pathlib import Path

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"


def mtg_line(number: int, artist: int, tags: str) -> str:
    """A line of MTG-Jamendo's; the tags are separated by spaces."""
    named = "\t".join(f"mood/theme---{tag}" for tag in tags.split())
    return f"track_{number:07}\tartist_{artist:06}\talbum_{artist:06}\t{number % 100:02}/{number}.mp3\t200.0\t{named}"


def mtg_folder(folder: Path) -> Path:
    """Forty tracks by ten artists; the split files for training and test, not for validation."""
    folder.mkdir(exist_ok=True)
    tags = ["happy", "film happy", "sad", "happy sad", "calm rare"]
    lines = [mtg_line(n, n % 10, tags[n // 10 if n < 39 else 4]) for n in range(40)]
    parts = {
        "autotagging_moodtheme.tsv": lines,
        "split-0-train.tsv": [line for n, line in enumerate(lines) if n % 10 < 6],
        "split-0-test.tsv": [line for n, line in enumerate(lines) if n % 10 > 7 and n < 39],
    }
    for name, part in parts.items():
        (folder / name).write_text("\n".join([HEADER, *part]) + "\n", encoding="utf-8")
    return folder


MTT_TAGS = ("no voice", "guitar", "slow", "weird")
MTT_CLIPS = ("clip_id", "track_number", "title", "artist", "album", "url", "segmentStart", "segmentEnd", "original_url",
             "mp3_path")  # fmt: skip


def mtt_folder(folder: Path) -> Path:
    """Sixteen clips, one a folder 0 to f, quoted and with tabs as published; the first two have no tag."""
    folder.mkdir(exist_ok=True)
    tags, clips = [["clip_id", *MTT_TAGS, "mp3_path"]], [list(MTT_CLIPS)]
    for n in range(16):
        path = f"{n:x}/artist{n // 2}-title-01-59-88.mp3"
        ones = [n > 1 and n % (k + 1) == 0 for k in range(4)]
        tags.append([str(n + 2), *("01"[one] for one in ones), path])
        clips.append([str(n + 2), "1", f"Title {n}", f"Artist {n // 2}", "Album", "http://x", "59", "88", "", path])
    for name, rows in (("annotations_final.csv", tags), ("clip_info_final.csv", clips)):
        text = "".join("\t".join(f'"{field}"' for field in row) + "\n" for row in rows)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


CSV = """\
split,happy,valence[1..5],file,artist,year,tags,meta:label
train,1,5,a.mp3,Ann,1999,bright; loud,X
train,0.25,1,b.mp3,Ann,2004,bright,
validation,1,3,c.mp3,Béla,,loud,Y
test,,,d.mp3,,2021,,Y
"""


def csv_file(folder: Path, text: str = CSV) -> Path:
    """A user's own table."""
    path = folder / "songs.csv"
    path.write_text(text, encoding="utf-8")
    return path
