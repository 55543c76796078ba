"""Fill a table: `python rows.py MIB`; print how large it is then."""

import json
import sys

from app.core.database import engine

ROW = 300  # bytes, as the server stores it
# Half of it is noise, and half repeats itself.
TEXT = "md5(number::text) || md5((number * 7)::text) || md5((number * 13)::text) || repeat('all the same ', 11)"


def main(mib: int) -> None:
    """Make the table."""
    count = mib * 2**20 // ROW
    with engine().begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS measured")
        connection.exec_driver_sql(
            f"CREATE TABLE measured AS SELECT number, {TEXT} AS note FROM generate_series(1, {count}) AS number"
        )
        size = connection.exec_driver_sql("SELECT pg_total_relation_size('measured')").scalar()
    print(json.dumps({"mib": (size or 0) / 2**20, "rows": count}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
