"""What is particular to PostgreSQL, as far as it needs no server."""

from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.backups import scratch
from app.backups.engine import BackupError
from app.backups.postgresql import PostgreSQL, _acceptable, _tolerant
from app.backups.postgresql_rows import END
from app.core.config.backup import BackupSettings

DUMP = b"""\
COPY public.notes (id, note) FROM stdin;
1	COPY public.other (id) FROM stdin;
2	\\\\.
\\.


COPY sales."Order ""items"".x" ("of", id) FROM stdin;
\\.

COPY public.lines (line) FROM stdin;
-- PostgreSQL database dump complete
%b
\\.

--
%b
"""
LONG = b"x" * (2**20 - 1) + b"\\\\."


def database(folder: Path, url: str = "postgresql+psycopg://app:secret@localhost/app") -> PostgreSQL:
    return PostgreSQL(make_url(url), folder)


def test_the_rows_of_a_dump_are_counted_whatever_they_hold(tmp_path: Path) -> None:
    rows = database(tmp_path).rows_in(BytesIO(DUMP % (LONG, END)))

    assert rows == {"public.notes": 2, 'sales.Order "items".x': 0, "public.lines": 2}


def test_a_dump_without_its_last_line_is_not_whole(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="its last line is missing"):
        database(tmp_path).rows_in(BytesIO(DUMP % (LONG, b"")))


def test_the_programs_read_the_url_from_files_that_nobody_else_can_read(tmp_path: Path) -> None:
    url = "postgresql+psycopg://me%40home:p%40ss%3Aw%5C%C3%BC@/app?host=/run/pg&port=5433&sslmode=require"

    variables = database(tmp_path, url)._connection()

    files = {name: Path(path) for name, path in variables.items()}
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    assert files["PGPASSFILE"].read_text() == "*:*:*:*:p@ss\\:w\\\\ü\n"
    lines = files["PGSERVICEFILE"].read_text().splitlines()
    assert lines[0] == "[postgresql]"
    assert set(lines[1:]) == {"dbname=app", "user=me@home", "host=/run/pg", "port=5433", "sslmode=require"}


@pytest.mark.parametrize(("server", "left"), [("16.4 (Debian 16.4-1)", False), ("17.2", True)])
def test_an_older_server_is_not_told_what_it_does_not_know(server: str, left: bool) -> None:
    setting = b"SET transaction_timeout = 0;\n"
    rest = b"SET client_encoding = 'UTF8';\nCOPY public.notes (note) FROM stdin;\n" + setting

    assert _acceptable(b"--\n" + setting + rest, server) == b"--\n" + (setting if left else b"") + rest


def test_only_where_extensions_are_made_is_a_failure_passed_over() -> None:
    header = b"-- Name: %b; Type: %b; Schema: -; Owner: -\n--\n\n"
    extension = header % (b"citext", b"EXTENSION") + b'CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA "a;b";\n'
    comment = header % (b"EXTENSION citext", b"COMMENT") + b"COMMENT ON EXTENSION citext IS 'it''s;\ntwo lines';\n"
    table = header % (b"x", b"TABLE") + b"CREATE TABLE public.x (line text);\n"
    rows = b"\nCOPY public.x (line) FROM stdin;\n" + extension

    made, commented = (_tolerant(each) for each in (extension, comment))

    assert made.count(b"EXCEPTION") == commented.count(b"EXCEPTION") == 1
    assert made.endswith(b"RAISE WARNING '%', SQLERRM; END $try$;\n")
    assert _tolerant(extension + comment + table + rows) == made + commented + table + rows


def test_schemas_to_leave_out_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_EXCLUDE_SCHEMAS", "auth, My schema,")

    assert BackupSettings().BACKUP_EXCLUDE_SCHEMAS == ("auth", "My schema")


def test_a_scratch_database_is_known_by_its_name_until_it_is_forgotten() -> None:
    old, others = "app_drill_00000001", ["app", "app_drill_1", "other_app_drill_00000001", "application"]
    new = scratch.named("app")

    assert scratch.forgotten("app", [old, new, *others]) == [old]
    assert len(scratch.named("a" * 63)) == 63
