"""Streams that are measured while they are read or written."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BufferedReader, RawIOBase
from typing import IO, cast

from app.backups.engine import BackupError

CHUNK = 2**20  # bytes that are read at once


class Damaged(BackupError):
    """A backup is not what its manifest tells."""

    def __init__(self, reason: str) -> None:
        """Say in which way."""
        super().__init__(f"The backup is damaged: {reason}.")
        self.reason = reason


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


class _Exactly(RawIOBase):
    """What is packed in a file, as long as it has the length that it should have."""

    def __init__(self, packed: gzip.GzipFile, size: int | None) -> None:
        self.packed = packed
        self.size = size
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            read = self.packed.readinto(buffer)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Damaged(f"it cannot be unpacked ({error})") from None
        if self.left is None:
            return read
        self.left -= read
        if self.left < 0 or (read == 0 and self.left):
            raise Damaged(f"it unpacks to {'more' if self.left < 0 else 'less'} than {self.size} bytes")
        return read


def drain(stream: IO[bytes]) -> None:
    """Read a stream to its end."""
    while stream.read(CHUNK):
        pass


@contextmanager
def unpacked(file: IO[bytes], size: int | None) -> Iterator[IO[bytes]]:
    """Unpack a file while it is read, in little memory.

    Args:
        file: The packed file.
        size: How many bytes it unpacks to, if that is known: a file that is small may unpack to a thousand times its
            size, and fill every disk.

    Raises:
        Damaged: It unpacks to another number of bytes, or not at all.
    """
    with gzip.GzipFile(fileobj=file, mode="rb") as packed, BufferedReader(_Exactly(packed, size), CHUNK) as stream:
        yield cast("IO[bytes]", stream)
