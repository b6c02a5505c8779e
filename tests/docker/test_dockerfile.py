"""The Dockerfiles keep the rules of images that may be run anywhere; building them is `make image`."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker.dockerfile import Dockerfile
from tests.stream.command import environment

ROOT = Path(__file__).parents[2]
NAMES = ("Dockerfile", "Dockerfile.train")
KINDS = {".py", ".js", ".css", ".html", ".svg", ".opus", ".jinja", ".md", ".yaml"}  # of files that the packages have


@pytest.mark.parametrize("name", NAMES)
def test_the_base_is_an_argument_with_a_version(name: str) -> None:
    image = Dockerfile(name)
    word, base = image.instructions[0]
    assert word == "ARG"
    assert re.fullmatch(r"BASE=docker\.io/library/python:3\.\d+-slim-\w+", base)
    assert {rest.split()[0] for word, rest in image.instructions if word == "FROM"} == {"${BASE}"}


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_as_nobody_and_gets_signals(name: str) -> None:
    image = Dockerfile(name)
    uid, gid = image.user.split(":")
    assert int(uid) > 0 and int(gid) > 0
    assert image.entrypoint == ["python", "-m"]  # exec form: no shell between
    assert image.command


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_fetched_but_what_the_lock_names(name: str) -> None:
    runs = [rest for word, rest in Dockerfile(name).instructions if word == "RUN"]
    assert not any(re.search(r"apt-get|curl|wget|git clone", rest) for rest in runs)
    for command in re.findall(r"pip[^&]* install [^&]*", " ".join(runs)):
        assert "--no-cache-dir" in command
        locked = re.search(r"-r /src/requirements/run\.txt|-c requirements/dev\.txt|grep '\^setuptools==", command)
        assert locked or "--no-deps" in command, command
    assert not any(word == "ADD" for word, _ in Dockerfile(name).instructions)


@pytest.mark.parametrize("name", NAMES)
def test_pip_stays_in_the_stage_that_builds(name: str) -> None:
    build, image = Dockerfile(name).stages
    assert any("--without-pip /opt/moodstream" in rest for _, rest in build)
    assert not any("pip" in rest for word, rest in image if word == "RUN")


def test_what_is_copied_is_what_the_packages_are() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    packages = {each.rstrip("*") for each in setup["options.packages.find"]["include"].split()}
    for name, expected in (("Dockerfile", packages - {"train"}), ("Dockerfile.train", packages)):
        copied = Dockerfile(name).copied
        assert copied & packages == expected
        assert all((ROOT / each).exists() for each in copied)


def test_only_what_is_copied_is_sent_to_the_builder() -> None:
    copied = {each for name in NAMES for each in Dockerfile(name).copied}
    named = {line.removeprefix("!") for line in ignored() if line.startswith("!")}
    assert ignored()[0] == "*"
    assert {each for each in named if not any(each.startswith(f"{folder}/") for folder in copied)} == copied
    files = [path.relative_to(ROOT) for folder in copied for path in (ROOT / folder).rglob("*")]
    needed = [str(path) for path in files if path.suffix in KINDS and not any(part[0] == "." for part in path.parts)]
    assert [each for each in [*needed, "model/default.onnx"] if not is_sent(each)] == []


@pytest.mark.parametrize(
    "path",
    [
        *("model/mine.onnx", "model/mine.onnx.data", "model/old/best.pt", "train/song.wav", "stream/demo/mine.mp3"),
        *("stream/.env", "train/.cache/x", "stream/web/.DS_Store", "model/__pycache__/a.pyc", ".git/config"),
        *("runs/best.pt", "cache/clean.npy", "song.flac"),
    ],
)
def test_what_lies_about_is_not_sent_to_the_builder(path: str) -> None:
    assert not is_sent(path)


def ignored() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def is_sent(path: str) -> bool:
    """Whether the last line that fits a path, or a folder above it, says so.

    https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    above = ["/".join(path.split("/")[:count]) for count in range(1, path.count("/") + 2)]
    fitting = [line for line in ignored() if any(_fits(line.removeprefix("!"), each) for each in above)]
    return not fitting or fitting[-1].startswith("!")


def _fits(pattern: str, path: str) -> bool:
    words = {"**/": "(?:.*/)?", "*": "[^/]*"}
    parts = re.split(r"(\*\*/|\*|\[[^]]*\])", pattern)
    expression = "".join(words.get(part) or (part if part.startswith("[") else re.escape(part)) for part in parts)
    return re.fullmatch(expression, path) is not None


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_where_it_is_started_is_not_executed(name: str, tmp_path: Path) -> None:
    (tmp_path / "stream").mkdir()
    for module in ("stream/__init__.py", "stream/listen.py", "json.py"):
        (tmp_path / module).write_text("raise SystemExit('executed')")
    image = Dockerfile(name)
    python = {key: value for key, value in image.environment.items() if key.startswith("PYTHON")}
    command = [sys.executable, *image.entrypoint[1:], "stream.listen", "--version"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment(**python))
    assert done.returncode == 0, done.stderr


def test_the_health_check_asks_the_port_of_the_image() -> None:
    image = Dockerfile()
    port = image.environment["MOODSTREAM_METRICS__PORT"]
    assert f"http://127.0.0.1:{port}/healthz" in " ".join(image.health_check)
    assert ("EXPOSE", port) in image.stages[-1]
