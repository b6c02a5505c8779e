"""What a folder of features says of itself, in ``features.json``: the front-end, where the audio is, how it was split.

description = Description.read(Path("cache/mine"))
description.frontend, description.audio
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from model.frontend import FrontEnd, FrontEndError

DESCRIPTION = "features.json"


class FeatureError(ValueError):
    """A folder of features that cannot be used; the message is one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """What a folder's features were made of, and how.

    Attributes:
        dataset: name of the data set.
        positive_rate: from which rate on a label counts.
        frontend: that computed the frames; its window's length says nothing here.
        audio: the folder that the songs' paths are relative to; None where it is not said.
        how: the songs were split, see train.splits.
        seed: of the split.
        shards: into how many parts the songs were dealt when they were prepared last; None where it is not said.
    """

    dataset: str
    positive_rate: float
    frontend: FrontEnd
    audio: Path | None = None
    how: str = "given"
    seed: int = 0
    shards: int | None = None

    @classmethod
    def read(cls, folder: Path) -> Description:
        """Return what a folder says; raises FeatureError."""
        path = folder / DESCRIPTION
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            split, shards = values.get("split", {}), values.get("shards")
            return cls(
                dataset=str(values["dataset"]),
                positive_rate=float(values["positive_rate"]),
                frontend=FrontEnd.from_metadata(values["frontend"]),
                audio=Path(values["audio"]) if "audio" in values else None,
                how=str(split.get("how", "given")),
                seed=int(split.get("seed", 0)),
                shards=None if shards is None else int(shards),
            )
        except OSError as error:
            raise FeatureError(f"{path}: {error.strerror}") from None
        except FrontEndError as error:
            raise FeatureError(f"{path}: features of another front-end: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise FeatureError(f"{path} is damaged: remove the folder and prepare again") from None

    def write(self, folder: Path) -> None:
        """Write ``features.json`` into a folder; raises OSError."""
        values = {
            "dataset": self.dataset,
            "positive_rate": self.positive_rate,
            "frontend": dataclasses.replace(self.frontend, patch=FrontEnd().patch).to_metadata(),
            **({} if self.audio is None else {"audio": str(self.audio)}),
            "split": {"how": self.how, "seed": self.seed},
            **({} if self.shards is None else {"shards": self.shards}),
        }
        (folder / DESCRIPTION).write_text(json.dumps(values, indent=1), encoding="utf-8")
