"""The commands of ``docs/training.md`` as they stand there: prepared songs are judged wherever their audio was."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.train import own_songs
from train import evaluate, export, fit, prepare

COMMANDS = {"prepare": prepare, "fit": fit, "export": export, "evaluate": evaluate}


def guide() -> list[list[str]]:
    """Return the commands of the guide's first chapter, in order."""
    chapter = Path("docs/training.md").read_text(encoding="utf-8").partition("## The presets")[0]
    calls = re.findall(r"^python -m train\.(.*)$", chapter, re.MULTILINE)
    return [shlex.split(call) for call in calls]


def test_a_path_and_a_mood_are_enough_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = own_songs.make(tmp_path, count=20)
    own_songs.write(table, [{"path": f"s{number}.wav", "happy": int(number % 3 > 0)} for number in range(20)])
    (tmp_path / "config").symlink_to(Path("config").absolute())
    calls = guide()
    monkeypatch.chdir(tmp_path)
    for name, *arguments in calls:
        shorter = ["--set", "epochs=1"] if name == "fit" else []
        alone = [argument for argument in arguments if argument not in {"--groups", "artist"}]
        assert COMMANDS[name].main([*alone, *shorter]) == 0, capsys.readouterr().err
    assert json.loads(Path("reports/mine/figures.json").read_text())["songs"]["judged"] == 2


def test_the_guides_commands_run_as_written(
    own_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in own_table.parent.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "config").symlink_to(Path("config").absolute())
    calls = guide()
    assert [name for name, *_ in calls] == ["prepare", "fit", "export", "evaluate"]
    monkeypatch.chdir(tmp_path)
    for name, *arguments in calls:
        shorter = ["--set", "epochs=1"] if name == "fit" else []
        assert COMMANDS[name].main([*arguments, *shorter]) == 0, capsys.readouterr().err
    assert json.loads(Path("reports/mine/figures.json").read_text())["manifest"]["split"] == "test"

    # Elsewhere the songs are found as well, unless their folder is gone.
    model, cache = tmp_path / "mine.onnx", tmp_path / "cache/mine"
    call = ["--model", str(model), "--manifest", str(cache), "--bootstrap", "0", "--report"]
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert evaluate.main([*call, "report"]) == 0
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in tmp_path.glob("*.wav"):
        shutil.move(path, moved)
    values = json.loads((cache / "features.json").read_text())
    assert Path(values["audio"]) == tmp_path
    (cache / "features.json").write_text(json.dumps(values | {"audio": str(tmp_path / "gone")}))
    capsys.readouterr()
    assert evaluate.main([*call, "again"]) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "song/s" not in line)
    assert line == f"train.evaluate: {cache} was prepared from {tmp_path / 'gone'}, which is gone: say --audio DIR"
    assert evaluate.main([*call, "again", "--audio", str(moved)]) == 0
