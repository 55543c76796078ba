"""A stream that is measured while it is read or written."""

import hashlib
from io import BufferedIOBase
from typing import IO

CHUNK = 2**20  # bytes that are read at once


class Digested(BufferedIOBase):
    """A file that knows the length and the checksum of what was read from it or written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        """Begin with nothing."""
        self.file = file
        self.size = 0
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write bytes."""
        self._note(data)
        return self.file.write(data)

    def read(self, size: int | None = -1) -> bytes:
        """Read bytes."""
        data = self.file.read(-1 if size is None else size)
        self._note(data)
        return data

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def writable(self) -> bool:
        """Tell that it can be written."""
        return True

    @property
    def sha256(self) -> str:
        """The checksum so far."""
        return self._hash.hexdigest()

    def _note(self, data: bytes) -> None:
        self.size += len(data)
        self._hash.update(data)
