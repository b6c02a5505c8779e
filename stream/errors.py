"""What the commands turn into one line on stderr and an exit code.

raise UsageError("--half-life needs --average ema")     # exit 2: the call was wrong
raise StreamError("no such file: song.mp3")             # exit 1: the call was right, the world was not
"""

from __future__ import annotations


class StreamError(Exception):
    """Something a user can cause and mend went wrong; the message is one line that says what and what to do."""

    exit_code = 1


class UsageError(StreamError):
    """The command was called wrongly."""

    exit_code = 2
