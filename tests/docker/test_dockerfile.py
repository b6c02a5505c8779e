"""The Dockerfiles keep the rules of images that may be run anywhere; building them is `make image`."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from tests.docker.dockerfile import Dockerfile

ROOT = Path(__file__).parents[2]
NAMES = ("Dockerfile", "Dockerfile.train")


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
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert sent == {each for name in NAMES for each in Dockerfile(name).copied}


def test_the_health_check_asks_the_port_of_the_image() -> None:
    image = Dockerfile()
    port = image.environment["MOODSTREAM_METRICS__PORT"]
    assert f"http://127.0.0.1:{port}/healthz" in " ".join(image.health_check)
    assert ("EXPOSE", port) in image.stages[-1]
