"""The model that scores, which may be another from one window to the next.

    models = ModelInUse(load(path))
    models.current                         # asked once a window, at its boundary
    models.refusal(new.info)               # why it cannot take over while streams run, or None
    models.replace(new)                    # each stream takes it at its next window

One object serves all streams of a run. Its front-end never changes: the places of windows are counted in its frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from model.contract import Model, ModelInfo
from model.frontend import FrontEnd
from stream.tagging.observer import Observer

Rule = Callable[[ModelInfo, ModelInfo], str | None]
"""Says why the second model cannot take over from the first while streams run, or None."""


def same_frontend(old: ModelInfo, new: ModelInfo) -> str | None:
    """Refuse a model of another front-end: running streams have been cut by the old one's."""
    differences = frontend_differences(old.frontend, new.frontend)
    if not differences:
        return None
    return f"it was made for another front-end ({differences}); start the program anew to use it"


def same_labels(old: ModelInfo, new: ModelInfo) -> str | None:
    """Refuse a model of other moods, where the moods are columns whose names are already written."""
    if new.labels == old.labels:
        return None
    return (
        f"its moods ({', '.join(new.labels)}) are not the columns of the CSV table that is being written "
        f"({', '.join(old.labels)}); use JSON lines, or start the program anew"
    )


def frontend_differences(one: FrontEnd, other: FrontEnd) -> str:
    """Return what differs, with both values: ``n_mels is 64 in the file and 96 here``; empty if nothing does."""
    here, there = one.to_metadata(), other.to_metadata()
    return "; ".join(
        f"{key} is {there[key]!r} in the file and {here[key]!r} here" for key in here if here[key] != there[key]
    )


class ModelInUse:
    """Holds the model of all streams. Safe to use from several threads: a swap is one assignment."""

    def __init__(
        self, model: Model, *, rules: Sequence[Rule] = (same_frontend,), observer: Observer | None = None
    ) -> None:
        """Begin with a model.

        Args:
            model: the first one.
            rules: what another must keep to take over.
            observer: is told of every window that is scored.
        """
        self.current = model
        """The model that scores now."""
        self.frontend = model.info.frontend
        """Of this model and all that follow."""
        self.observer = observer or Observer()
        """Is told of every window that is scored."""
        self._rules = tuple(rules)

    def refusal(self, new: ModelInfo) -> str | None:
        """Say why a model cannot take over while streams run, or None."""
        return next((reason for rule in self._rules if (reason := rule(self.current.info, new))), None)

    def replace(self, new: Model) -> None:
        """Let another model score from each stream's next window on.

        Raises:
            ValueError: it cannot take over; the message is that of :meth:`refusal`.
        """
        if (reason := self.refusal(new.info)) is not None:
            raise ValueError(reason)
        self.current = new
