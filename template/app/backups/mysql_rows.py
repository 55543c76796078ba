"""The rows in a dump of MySQL's or MariaDB's."""

import re
from typing import IO

from app.backups.engine import BackupError, Rows

NAME = rb"`((?:[^`]|``)+)`"
TABLE = re.compile(rb"-- Dumping data for table %b\n" % NAME)
INSERT = re.compile(rb"INSERT INTO %b" % NAME)
QUOTED = re.compile(rb"'(?:[^'\\]|\\.)*'|`[^`]*`", re.DOTALL)
END = b"-- Dump completed"


def rows_in(stream: IO[bytes]) -> Rows:
    """Count the rows of each table; the last words of a whole dump are well known.

    MariaDB writes each row on a line of its own, MySQL many on one. A string holds no line break: the longest line is
    that of the longest row.

    Raises:
        BackupError: The dump is not whole.
    """
    rows: Rows = {}
    table, in_routine, ended = "", False, False
    for line in stream:
        if line.startswith(b"DELIMITER "):
            in_routine = line != b"DELIMITER ;\n"
        elif in_routine:
            continue
        elif found := TABLE.fullmatch(line):
            rows[_unquoted(found[1])] = 0
        elif table or INSERT.match(line):
            values = QUOTED.sub(b"", line)
            if not table and (insert := INSERT.match(line)):
                table, values = _unquoted(insert[1]), values.partition(b" VALUES")[2]
            rows[table] += values.count(b"(")
            table = "" if line.endswith(b";\n") else table
        ended = ended or line.startswith(END)
    if not ended:
        message = "The dump is not whole: its last line is missing."
        raise BackupError(message)
    return rows


def _unquoted(name: bytes) -> str:
    return name.decode(errors="replace").replace("``", "`")
