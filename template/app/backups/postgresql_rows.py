"""The rows in a dump of PostgreSQL's."""

import re
from collections.abc import Iterator
from typing import IO

from app.backups.engine import BackupError, Rows, label
from app.backups.stream import CHUNK

NAME = rb'"(?:[^"]|"")+"|[^". ]+'
COPY = re.compile(rb"COPY (%b)\.(%b) .*FROM stdin;\n" % (NAME, NAME))
END = b"-- PostgreSQL database dump complete\n"


def rows_in(stream: IO[bytes]) -> Rows:
    """Count the lines of each `COPY`; the last words of a whole dump are well known.

    Raises:
        BackupError: The dump is not whole.
    """
    rows: Rows = {}
    table, ended = "", False
    for line, begins, ends in _lines(stream):
        if table and begins and line == b"\\.\n":
            table = ""
        elif table:
            rows[table] += ends
        elif found := COPY.fullmatch(line):
            table = label(_unquoted(found[1]), _unquoted(found[2]))
            rows[table] = 0
        else:
            ended = ended or line == END
    if not ended:
        message = "The dump is not whole: its last line is missing."
        raise BackupError(message)
    return rows


def _lines(stream: IO[bytes]) -> Iterator[tuple[bytes, bool, bool]]:
    """Read lines, the long ones in pieces; with each comes whether a line begins and whether it ends there."""
    begins = True
    while piece := stream.readline(CHUNK):
        ends = piece.endswith(b"\n")
        yield piece, begins, ends
        begins = ends


def _unquoted(name: bytes) -> str:
    text = name.decode(errors="replace")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
