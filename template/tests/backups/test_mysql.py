"""What is particular to MySQL and MariaDB, as far as it needs no server."""

from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import OperationalError

from app.backups import mysql, scratch, tools
from app.backups.engine import BackupError
from app.backups.mysql import MySQL
from app.core.addresses.database import adapt, read

DUMP = rb"""
-- Dumping data for table `notes`
--
INSERT INTO `notes` VALUES (1,'),('),(2,'\\'),(3,'it\'s (x);\n'),(4,NULL);
INSERT INTO `notes` VALUES
(5,_binary '('),
(6,0x28);
-- Dumping data for table `Order ``items`` (x)`
INSERT INTO `Order ``items`` (x)` (`VALUES (`, `id`) VALUES (1,b'1');
-- Dumping data for table `empty`
DELIMITER ;;
CREATE TRIGGER x BEFORE INSERT ON notes FOR EACH ROW BEGIN
INSERT INTO `notes` VALUES (7,'not a row');
END ;;
DELIMITER ;
"""


def database(folder: Path, url: str = "mysql+pymysql://app:secret@localhost/app") -> MySQL:
    return MySQL(make_url(url), folder)


def test_the_rows_of_a_dump_are_counted_whatever_they_hold(tmp_path: Path) -> None:
    rows = database(tmp_path).rows_in(BytesIO(DUMP + b"-- Dump completed on 2026-11-21  3:00:00\n"))

    assert rows == {"notes": 6, "Order `items` (x)": 1, "empty": 0}


def test_a_dump_without_its_last_line_is_not_whole(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="its last line is missing"):
        database(tmp_path).rows_in(BytesIO(DUMP))


def test_who_made_a_view_or_a_routine_is_not_restored() -> None:
    by = b" DEFINER=`an``admin`@`%`"
    lines = {
        b"/*!50013%b SQL SECURITY DEFINER */",
        b"CREATE%b PROCEDURE `p`()",
        b"/*!50003 CREATE*/ /*!50017%b*/ /*!50003 TRIGGER x",
        b"/*!50106 CREATE*/ /*!50117%b*/ /*!50106 EVENT `e`",
    }
    rows = {b"(1,'CREATE%b')", b"INSERT INTO `notes` VALUES (1,'/*!50013%b */');"}

    assert {mysql._anonymous(line % by) for line in lines} == {line % b"" for line in lines}
    assert {mysql._anonymous(line % by) for line in rows} == {line % by for line in rows}


def account(folder: Path, url: str) -> list[str]:
    option = database(folder, url)._account("mariadb-dump")
    path = Path(option.removeprefix("--defaults-file="))
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text().splitlines()


def test_the_programs_read_the_url_from_a_file_that_nobody_else_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "version", lambda _: "mariadb-dump from 11.8.3-MariaDB")

    plain = account(tmp_path, "mysql+pymysql://me:p%40%22%5C%C3%BC%23@db:3307/app")
    quoted = r'password="p@\"\\ü#"'
    assert plain == ["[client]", 'user="me"', quoted, 'host="db"', 'port="3307"', 'protocol="TCP"', "skip-ssl"]

    safe = account(tmp_path, "mysql+pymysql://me@db/app?ssl_cert_reqs=required&ssl_ca_certs=/ca.pem")
    checks = ["ssl", 'ssl-ca="/ca.pem"', "ssl-verify-server-cert"]
    assert safe == ["[client]", 'user="me"', 'host="db"', 'protocol="TCP"', *checks]

    socket = account(tmp_path, "mysql+pymysql://me@/app?unix_socket=/run/socket")
    assert socket == ["[client]", 'user="me"', 'socket="/run/socket"', "skip-ssl"]


@pytest.mark.parametrize(
    ("said", "series"),
    [
        ("mysqldump  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)", (8, 4)),
        ("mariadb-dump  Ver 10.19 Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)", (10, 11)),
        ("mariadb-dump from 11.8.3-MariaDB, client 10.19 for debian-linux-gnu (x86_64)", (11, 8)),
        ("11.8.3-MariaDB-ubu2404", (11, 8)),
        ("9.1.0", (9, 1)),
    ],
)
def test_a_version_is_found_in_what_programs_and_servers_say(said: str, series: tuple[int, int]) -> None:
    assert mysql._series(said) == series


def test_a_password_reaches_the_server_as_utf_8() -> None:
    engine = create_engine(read("mysql://app:%C3%BC%E2%82%AC@127.0.0.1:1/app"))
    adapt(engine)
    given: list[str] = []
    event.listen(engine, "do_connect", lambda *arguments: given.append(arguments[3]["password"]))

    with pytest.raises(OperationalError):
        engine.connect()

    assert given[0].encode("latin-1").decode() == "ü€"


def test_a_scratch_database_is_known_by_its_name_until_it_is_forgotten() -> None:
    old, others = "app_drill_00000001", ["app", "app_drill_1", "other_app_drill_00000001", "application"]
    new = scratch.named("app")

    assert scratch.forgotten("app", [old, new, *others]) == [old]
    assert len(scratch.named("a" * 63)) == 63
