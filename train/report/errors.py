"""What can go wrong in an evaluation by no fault of the program; each message is one line.

except ERRORS as error: say(str(error))
"""

from __future__ import annotations

from train.data.features import FeatureError
from train.data.table import AnnotationError
from train.figures.checks import FigureError
from train.figures.report import UnreadableError
from train.report.candidate import CandidateError
from train.report.journal import JournalError
from train.report.matching import MatchError
from train.report.songs import SongError
from train.report.streaming import StreamingError

ERRORS = (
    AnnotationError,
    CandidateError,
    FeatureError,
    FigureError,
    JournalError,
    MatchError,
    OSError,
    SongError,
    StreamingError,
    UnreadableError,
)
