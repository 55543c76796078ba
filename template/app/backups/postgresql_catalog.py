"""What a PostgreSQL database holds, and what of it the account may read and remove.

Providers keep things of their own there, which outlive a restore: schemas, and extensions that the account could not
make again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

PROJECTS = "nspname !~ '^pg_' AND nspname <> 'information_schema'"
READABLE = "(has_table_privilege(pg_class.oid, 'SELECT') AND NOT row_security_active(pg_class.oid))"
OF_AN_EXTENSION = """EXISTS (
    SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
)"""
# `pg_dump` reads the rows of an extension's table when the extension says that they are the project's.
SCHEMAS = text(f"""
    SELECT nspname, has_schema_privilege(pg_namespace.oid, 'USAGE'),
        count(*) FILTER (WHERE {READABLE} AND relkind <> 'S'),
        coalesce(array_agg(relname::text ORDER BY relname) FILTER (WHERE NOT {READABLE}), ARRAY[]::text[])
    FROM pg_namespace LEFT JOIN pg_class ON relnamespace = pg_namespace.oid AND relkind IN ('r', 'p', 'S')
        AND (NOT {OF_AN_EXTENSION} OR EXISTS (SELECT FROM pg_extension WHERE pg_class.oid = ANY(extconfig)))
    WHERE {PROJECTS} GROUP BY pg_namespace.oid ORDER BY nspname
""")  # noqa: S608
# Tables that hold rows and do not belong to an extension, which brings its own.
TABLES = text(f"""
    SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND {PROJECTS} AND {READABLE} AND NOT {OF_AN_EXTENSION}
""")  # noqa: S608
# A schema of the account's goes with all that is in it. Of one that stays, what is in it goes: as far as it does not go
# with something else, as an index with its table.
CLEAR = f"""
SET lock_timeout = '30s';
SET client_min_messages = warning;
DO $$ DECLARE statement text; BEGIN
    FOREACH statement IN ARRAY ARRAY(
        WITH
        foreign_extensions AS (SELECT * FROM pg_extension WHERE NOT pg_has_role(extowner, 'USAGE')),
        schemas AS (
            SELECT oid, nspname, nspname = 'public' OR NOT pg_has_role(nspowner, 'USAGE')
                OR oid IN (SELECT extnamespace FROM foreign_extensions) AS stays
            FROM pg_namespace WHERE {PROJECTS} AND nspname::text <> ALL(ARRAY[%s]::text[]) AND NOT EXISTS (
                SELECT FROM pg_depend
                WHERE classid = 'pg_namespace'::regclass AND objid = pg_namespace.oid AND deptype = 'e'
            )
        )
        SELECT format('DROP SCHEMA %%I CASCADE', nspname) FROM schemas WHERE NOT stays
        UNION ALL
        SELECT format('DROP %%s IF EXISTS %%s CASCADE', type, identity)
        FROM schemas JOIN pg_depend AS inside ON refclassid = 'pg_namespace'::regclass AND refobjid = schemas.oid,
        pg_identify_object(classid, objid, 0)
        WHERE stays AND deptype = 'n' AND NOT EXISTS (
            SELECT FROM pg_depend
            WHERE classid = inside.classid AND objid = inside.objid AND objsubid = 0 AND deptype IN ('a', 'e', 'i')
        ) AND NOT (classid = 'pg_extension'::regclass AND objid IN (SELECT oid FROM foreign_extensions))
    ) LOOP
        EXECUTE statement;
    END LOOP;
    PERFORM lo_unlink(oid) FROM pg_largeobject_metadata WHERE pg_has_role(lomowner, 'USAGE');
END $$;
"""  # noqa: S608


@dataclass(frozen=True)
class Schema:
    """A schema, as far as `pg_dump` would read it.

    Attributes:
        is_usable: Whether the account may use it at all.
        readable: The number of tables that the account may read.
        hidden: The names of the tables and sequences that it may not read, or not every row of.
    """

    name: str
    is_usable: bool
    readable: int
    hidden: list[str]

    @property
    def is_foreign(self) -> bool:
        """Whether the account can read nothing that is in it, so that the project cannot either."""
        return not self.is_usable or bool(self.hidden and not self.readable)


def schemas(connection: Connection) -> list[Schema]:
    """Return the schemas that are not the server's."""
    return [Schema(*row) for row in connection.execute(SCHEMAS)]


def tables(connection: Connection) -> list[tuple[str, str]]:
    """Return the schema and the name of each table that the account may read."""
    return [(schema, name) for schema, name in connection.execute(TABLES)]


def clearing(left_out: Iterable[str]) -> str:
    """Return the statements that remove what a backup brings again.

    Args:
        left_out: The schemas that a backup does not have.
    """
    quoted = ("'{}'".format(name.replace("'", "''")) for name in left_out)
    return CLEAR % ", ".join(quoted)
