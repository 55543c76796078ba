"""What the tests back up: a program that fills tables with every type, and one that tells what is in them.

They run with the project's own code, and print one line of JSON.
"""

TABLES = r"""
import datetime as dt, decimal, enum, hashlib, json, random, sys, uuid
from sqlalchemy import (
    JSON, BigInteger, Boolean, Column, Date, DateTime, Double, Enum, ForeignKey, Integer, LargeBinary, MetaData,
    Numeric, SmallInteger, Table, Text, Time, Uuid, select, text,
)
from sqlalchemy.dialects.mysql import DATETIME, LONGBLOB, LONGTEXT, TIME
from app.core.database import engine

LONG = Text().with_variant(LONGTEXT, "mysql")
metadata = MetaData()
OPTIONS = {"mysql_charset": "utf8mb4"}
every_type = Table(
    "every_type", metadata, Column("id", Integer, primary_key=True), Column("text", LONG),
    Column("binary", LargeBinary().with_variant(LONGBLOB, "mysql")), Column("small", SmallInteger),
    Column("big", BigInteger), Column("exact", Numeric(38, 10)), Column("double", Double), Column("yes", Boolean),
    Column("date", Date), Column("time", Time().with_variant(TIME(fsp=6), "mysql")),
    Column("moment", DateTime().with_variant(DATETIME(fsp=6), "mysql")), Column("json", JSON(none_as_null=True)),
    Column("word", Enum("a", "ü'b", name="word")), Column("uuid", Uuid), **OPTIONS,
)
# A name, and rows, that look like the end of what they are in.
awkward = Table(
    'Order "items" (x), `;VALUES', metadata, Column("id", Integer, primary_key=True),
    Column("VALUES (1),", LONG), Column("of", ForeignKey("every_type.id")), **OPTIONS,
)
alone = Table("alone", metadata, Column("line", LONG), **OPTIONS)
empty = Table("empty", metadata, Column("id", Integer, primary_key=True), **OPTIONS)
# MySQL would give a number of its own in place of a zero.
bulk = Table(
    "bulk", metadata, Column("id", Integer, primary_key=True, autoincrement=False), Column("text", LONG), **OPTIONS,
)
ALL = [every_type, awkward, alone, empty, bulk]
"""

FILL = (
    TABLES
    + r"""
characters = "".join(chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000)
noise = random.Random(1)
limit = decimal.Decimal("9" * 28 + "." + "9" * 10)
rows = [
    {"id": 1},
    {"id": 2, "text": characters, "binary": bytes(range(256)) * 8 + noise.randbytes(2_000_000), "small": 2**15 - 1,
     "big": 2**63 - 1, "exact": limit if engine().dialect.name != "sqlite" else 1, "double": sys.float_info.max,
     "yes": True, "date": dt.date(9999, 12, 31), "time": dt.time(23, 59, 59, 999999),
     "moment": dt.datetime(9999, 12, 31, 23, 59, 59, 999999), "json": {"ü": [1, None, "\u2028\\\"'", {"": 1.5}]},
     "word": "ü'b", "uuid": uuid.UUID(int=2**128 - 1)},
    {"id": -(2**31), "text": "", "binary": b"", "small": -(2**15), "big": -(2**63),
     "exact": limit.copy_negate() if engine().dialect.name != "sqlite" else -1, "double": sys.float_info.min,
     "yes": False,
     "date": dt.date(1000, 1, 1), "time": dt.time(0), "moment": dt.datetime(1000, 1, 1), "json": [], "word": "a",
     "uuid": uuid.UUID(int=0)},
]
lines = ["\\.", "\\.\n", ");\n", "'),('", "\\", "\\\\'", "\t\r\n\b", "COPY public.x (a) FROM stdin;\n",
         "-- PostgreSQL database dump complete", "INSERT INTO `x` VALUES (1);\n", "DELIMITER ;;\n", "\\N", None]
metadata.create_all(engine())
with engine().begin() as connection:
    connection.execute(text("CREATE VIEW some_of_it AS SELECT id FROM every_type"))
    for row in rows:
        connection.execute(every_type.insert().values(row))
    for number, line in enumerate(lines):
        connection.execute(awkward.insert().values({"id": number + 1, "VALUES (1),": line, "of": 1}))
        connection.execute(alone.insert().values(line=line))
    many = [{"id": number, "text": noise.randbytes(500).hex()} for number in range(15_000)]
    connection.execute(bulk.insert(), many)
print(json.dumps(None))
"""
)

READ = (
    TABLES
    + r"""
found = {}
with engine().connect() as connection:
    for table in ALL:
        rows = sorted(map(repr, connection.execute(select(table))))
        found[table.name] = [len(rows), hashlib.sha256("\n".join(rows).encode("utf-8", "backslashreplace")).hexdigest()]
    found["view"] = connection.scalars(text("SELECT id FROM some_of_it ORDER BY id")).all()
    found["revisions"] = sorted(connection.scalars(text("SELECT version_num FROM alembic_version")).all())
print(json.dumps(found))
"""
)

CHANGE = (
    TABLES
    + r"""
with engine().begin() as connection:
    connection.execute(alone.delete())
    connection.execute(bulk.insert().values(id=-1, text="later"))
    connection.execute(text("CREATE TABLE made_later (id INTEGER)"))
print(json.dumps(None))
"""
)

WORDS = (
    TABLES
    + r"""
with engine().begin() as connection:
    connection.execute(text("CREATE TABLE words (word citext)"))
    connection.execute(text("INSERT INTO words VALUES ('Ü')"))
print(json.dumps(None))
"""
)
