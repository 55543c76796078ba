"""Connections to Redis that end when their server cannot do its work, as one that has become a replica.

Such a server answers on every connection that it has, with an error. Whoever closes his and connects again reaches the
new primary as soon as the address leads there.
"""

import re
from typing import Any

from redis.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

# https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors. A script's error, and that of a
# transaction, names the one that is behind it.
UNABLE = re.compile(r"\b(BUSY|CLUSTERDOWN|MASTERDOWN|MISCONF|NOREPLICAS|READONLY|UNBLOCKED)\b")


def following(kind: type[Any] = Connection) -> type[Any]:
    """Return a kind of connection that takes the answer of a server that cannot do its work for its end.

    Args:
        kind: How it connects: one of the classes of redis-py.
    """

    class Following(kind):  # type: ignore[misc]
        def read_response(self, *arguments: Any, **options: Any) -> Any:
            try:
                return super().read_response(*arguments, **options)
            except ResponseError as error:
                if not UNABLE.search(f"{error.status_code} {error}"):
                    raise
                self.disconnect()
                raise RedisConnectionError(str(error)) from error

    return Following
