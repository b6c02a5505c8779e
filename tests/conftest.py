"""What tests of every package share."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from model.contract import Model, load
from tests import models

# A deadline, or a check of how fast examples are made, would make a slow machine a failing one; what an example needs
# is bounded by its strategy instead.
hypothesis.settings.register_profile(
    "moodstream",
    deadline=None,
    max_examples=40,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("moodstream")


BROKERS = ("tests/docker", "tests/prometheus", "tests/stream/kafka")
"""What runs brokers and whole deployments: it waits more than it computes, and two at a time would make both late."""


class ByParts(LoadScopeScheduling):
    """With several processes (``-n 2``): what runs brokers goes to one, the rest to the others, file by file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "brokers" if file.startswith(BROKERS) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByParts:
    """Share the tests out between processes as above."""
    return ByParts(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let a report go from the process that ran the test to the one that shows it: pytest-xdist sends only UTF-8, and
    some tests log names that are none."""
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {_sendable(key): _sendable(each) for key, each in value.items()}
        case list() | tuple():
            return type(value)(_sendable(each) for each in value)
    return value


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A small deterministic model with the labels of tests.models."""
    return load(models.save(tmp_path_factory.mktemp("model") / "tiny.onnx"))


@pytest.fixture(scope="session")
def music() -> Path:
    """The folder of real labelled music; without it the test is skipped, and says so."""
    folder = os.environ.get("MOODSTREAM_TEST_MUSIC")
    if not folder:
        pytest.skip("real music is needed: set MOODSTREAM_TEST_MUSIC to a folder that holds it")
    if not Path(folder).is_dir():
        pytest.fail(f"MOODSTREAM_TEST_MUSIC is no folder: {folder}")
    return Path(folder)
