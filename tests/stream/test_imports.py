"""The live side starts fast: it loads neither torch nor librosa, and nothing heavy before it is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "librosa", "numba", "sklearn", "pandas", "matplotlib", "scipy")
LATER = ("onnxruntime", "onnx", "av", "sounddevice", "rich", "starlette", "uvicorn", "kafka")


def test_listening_tells_nobody(tmp_path: Path) -> None:
    """onnxruntime would leave an identifier in the user's home and report its use."""
    code = "from model.contract import DEFAULT_MODEL, load; load(DEFAULT_MODEL)"
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **home}, check=True)
    assert not list(tmp_path.rglob("*"))


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_listening_never_loads_what_training_needs() -> None:
    everything = (
        "import stream.listen, stream.run.assembly, stream.run.benchmark, stream.tagging.session, model.contract;"
        "import stream.sources.microphone, stream.sources.files, stream.sources.radio, stream.sources.stdin,"
        " stream.sources.demo; import stream.web.app, stream.web.server;"
        "from model.contract import DEFAULT_MODEL, load; load(DEFAULT_MODEL)"
    )
    assert not loaded_by(everything) & set(HEAVY)


@pytest.mark.parametrize("module", LATER)
def test_importing_the_command_loads_nothing_heavy(module: str) -> None:
    assert module not in loaded_by("import stream.listen, stream.settings.listen")


def test_the_live_side_and_training_never_meet() -> None:
    assert "train" not in loaded_by("import stream.listen, stream.run.assembly")
    assert "stream" not in loaded_by("import model.contract, model.features, model.window")
