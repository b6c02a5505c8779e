"""The popularity baseline of MediaEval: the tags' shares among the training songs as every song's scores.

It decides the one most frequent tag for every song, as the published figures show (a macro recall of 1/56).

tested = popularity(corpus.split("given", 0))
"""

from __future__ import annotations

import numpy as np

from train.experiments.cell import Tested
from train.learn.corpus import Corpus


def popularity(corpus: Corpus) -> Tested:
    """Return what the baseline says of the test songs: the same of each."""
    entries = corpus.manifest.entries
    head = corpus.head("mood", "sigmoid")
    truth = np.where(head.mask > 0, head.targets, np.nan).astype(np.float64)
    train, test = ([i for i, entry in enumerate(entries) if entry.split == name] for name in ("train", "test"))
    known = ~np.isnan(truth[train])
    shares = np.nan_to_num(truth[train]).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return Tested(
        songs=np.array([entries[i].id for i in test]),
        artists=np.array([entries[i].artist or "" for i in test]),
        labels=np.array(head.labels),
        truth=truth[test],
        scores=np.tile(shares, (len(test), 1)),
        steps=0,
        validation=float("nan"),
        decisions=np.tile(np.arange(len(shares)) == shares.argmax(), (len(test), 1)),
    )
