"""What training needs beyond the live side's packages, and what a command says where one is not there.

with needed(__name__):
    import torch

$ python -m train.fit --config …
train.fit needs the package torch: pip install 'moodstream[train]', or make test, which sets up everything
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OURS = ("model", "stream", "train")


@contextmanager
def needed(module: str) -> Iterator[None]:
    """Import what a command needs; a package that is missing ends the command in one line.

    Args:
        module: ``__name__`` of the command. One that is imported, not run, raises ModuleNotFoundError as usual.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0].replace("sklearn", "scikit-learn")
        if module != "__main__" or not package or package in OURS:
            raise
        raise SystemExit(
            f"train.{Path(sys.argv[0]).stem} needs the package {package}: pip install 'moodstream[train]', "
            "or make test, which sets up everything"
        ) from None
