"""What tests of every package share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from model.contract import Model, load
from tests import models

# A deadline would make a slow machine a failing one; what an example needs is bounded by its strategy instead.
hypothesis.settings.register_profile("moodstream", deadline=None, max_examples=40, derandomize=True)
hypothesis.settings.load_profile("moodstream")


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
