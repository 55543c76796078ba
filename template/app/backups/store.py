"""The backups that there are: each a compressed file with a manifest beside it, which is its proof of being whole."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import IO, Annotated

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from app.backups.engine import BackupError
from app.backups.stream import Damaged, drain, unpacked
from app.core.config.settings import settings

TIME = "%Y%m%dT%H%M%SZ"
LARGEST_MANIFEST = 16 * 2**20  # bytes; a line for each table
Number = Annotated[int, Field(ge=0, lt=2**63)]


class Manifest(BaseModel):
    """What is known of a backup.

    Attributes:
        seconds: How long it took.
        size, sha256: Those of the file.
        unpacked_size: Of what is in the file; earlier versions did not note it.
        left_out: What the database had besides, such as a provider's schemas.
    """

    slug: str
    engine: str
    server_version: str
    tool_version: str
    created_at: AwareDatetime
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    size: Number
    unpacked_size: Number | None = None
    sha256: str
    rows: dict[str, Number]
    left_out: list[str] = []


@dataclass(frozen=True)
class Backup:
    """A backup."""

    path: Path
    manifest: Manifest

    @property
    def age(self) -> float:
        """Its age in seconds."""
        return (datetime.now(UTC) - self.manifest.created_at).total_seconds()

    def state(self, *, thorough: bool = False) -> str:
        """Say whether the file is what the manifest tells: `ok`, or what is wrong.

        Args:
            thorough: Compare the checksum and unpack it too, for which the whole file is read.
        """
        if not self.path.is_file():
            return "missing"
        if self.path.stat().st_size != self.manifest.size:
            return f"damaged: it has {self.path.stat().st_size} bytes in place of {self.manifest.size}"
        if thorough and checksum(self.path) != self.manifest.sha256:
            return "damaged: its checksum is another one"
        if thorough:
            try:
                with self.content() as stream:
                    drain(stream)
            except Damaged as error:
                return f"damaged: {error.reason}"
        return "ok"

    @contextmanager
    def content(self) -> Iterator[IO[bytes]]:
        """Read what is in the file; it is never more than its manifest tells.

        Raises:
            Damaged: It is not what its manifest tells.
        """
        with self.path.open("rb") as file, unpacked(file, self.manifest.unpacked_size) as stream:
            yield stream

    def remove(self) -> None:
        """Delete the file, then its manifest."""
        self.path.unlink(missing_ok=True)
        manifest_of(self.path).unlink(missing_ok=True)


def directory() -> Path:
    """Return the place of all backups."""
    return settings.backup.BACKUP_DIRECTORY.absolute()


def name(created_at: datetime, suffix: str) -> str:
    """Return the name of a backup."""
    return f"{settings.app.SLUG}-{created_at.strftime(TIME)}{suffix}"


def manifest_of(path: Path) -> Path:
    """Return where the manifest of a backup is."""
    return path.with_name(f"{path.name}.json")


def listed() -> list[Backup]:
    """Return this project's backups, oldest first; what others keep in the directory is left alone."""
    ours = re.compile(re.escape(settings.app.SLUG) + r"-\d{8}T\d{6}Z\.(sql|sqlite3)\.gz\.json")
    found = []
    for path in sorted(directory().glob(f"{settings.app.SLUG}-*.json")):
        with suppress(BackupError):
            if ours.fullmatch(path.name):
                found.append(read(path.with_suffix("")))
    return [backup for backup in found if backup.manifest.slug == settings.app.SLUG]


def read(path: Path) -> Backup:
    """Return the backup in a file.

    Raises:
        BackupError: It has no manifest that can be read.
    """
    manifest = manifest_of(path)
    try:
        # Neither something that never ends, nor more than fits into memory.
        if not manifest.exists() or (manifest.is_file() and manifest.stat().st_size <= LARGEST_MANIFEST):
            return Backup(path, Manifest.model_validate_json(manifest.read_bytes()))
    except OSError as error:
        message = f"`{path}` cannot be checked without its manifest `{manifest.name}`: {error.strerror}."
        raise BackupError(message) from None
    except ValidationError:
        pass
    message = f"`{path}` cannot be checked: `{manifest.name}` is not a manifest."
    raise BackupError(message)


def find(wanted: str) -> Backup:
    """Return a backup by its path, by its name in the directory, or the `latest` that is there.

    Raises:
        BackupError: There is none.
    """
    if wanted == "latest":
        for backup in reversed(listed()):
            if backup.state() == "ok":
                return backup
        message = f"There is no backup in `{directory()}`."
        raise BackupError(message)
    path = Path(wanted) if Path(wanted).is_file() else directory() / wanted
    if not path.is_file():
        message = f"There is no backup `{wanted}`; `app backups` shows those that there are."
        raise BackupError(message)
    return read(path)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
