"""The server that publishes the public keys of tokens, as a JSON Web Key Set."""

import time
from typing import Any

from jwt import PyJWK, PyJWKClient, PyJWKClientConnectionError, PyJWTError

TIMEOUT = 3.0  # seconds for one request
PAUSE = 5.0  # seconds after a failed one in which no other is made
LIFETIME = 300.0  # seconds for which keys are believed, and so the longest life of one that was withdrawn


class KeyServer(PyJWKClient):
    """PyJWT's client, which does not let a server that is down cost every request a timeout."""

    def __init__(self, url: str) -> None:
        """Fetch nothing yet.

        Args:
            url: Where the key set is.
        """
        super().__init__(url, timeout=TIMEOUT, lifespan=LIFETIME)
        self._quiet_until = 0.0

    def known(self, key_id: str) -> PyJWK | None:
        """Return a key that was fetched before, without waiting for anything."""
        fetched = self.jwk_set_cache.get() if self.jwk_set_cache else None
        keys = [key for key in fetched.keys if key.public_key_use in {"sig", None}] if fetched else []
        return self.match_kid(keys, key_id)

    def fetch_data(self) -> Any:
        """Fetch the key set; blocks.

        Raises:
            PyJWKClientConnectionError: The server is down, or what it sends is not a key set.
        """
        if time.monotonic() < self._quiet_until:
            message = "the key server did not answer a moment ago"
            raise PyJWKClientConnectionError(message)
        try:
            return super().fetch_data()
        except (PyJWTError, OSError, ValueError) as error:
            self._quiet_until = time.monotonic() + PAUSE
            message = f"the key server cannot be used: {error}"
            raise PyJWKClientConnectionError(message) from error
