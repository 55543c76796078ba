"""A copy of each backup in S3-compatible storage, where a bucket is named; its own rules say how long copies stay."""

import logging
from typing import Any

from app.backups.engine import BackupError
from app.backups.store import Backup, manifest_of
from app.core.config.settings import settings

logger = logging.getLogger(__name__)


def copy(backup: Backup) -> None:
    """Copy a backup, then its manifest, to the bucket of the settings, if there is one.

    Raises:
        BackupError: It has failed; with the storage's words.
    """
    if not settings.backup.BACKUP_S3_BUCKET:
        return
    # They take a fifth of a second and 20 MiB, which a project without a bucket does not need.
    from boto3.exceptions import S3UploadFailedError  # type: ignore[import-untyped]
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    bucket = settings.backup.BACKUP_S3_BUCKET
    try:
        client = _client()
        for path in (backup.path, manifest_of(backup.path)):
            key = f"{settings.backup.BACKUP_S3_PREFIX}{path.name}"
            client.upload_file(str(path), bucket, key)
            size = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
            if size != path.stat().st_size:
                message = f"The copy `{key}` in the bucket `{bucket}` has {size} bytes."
                raise BackupError(message)
    except (BotoCoreError, ClientError, S3UploadFailedError) as error:
        message = f"`{backup.path}` was made, but not copied to the bucket `{bucket}`: {error}"
        raise BackupError(message) from None
    logger.info("copied %s to the bucket %s", backup.path.name, bucket)


def _client() -> Any:
    import boto3  # type: ignore[import-untyped]
    from botocore.config import Config  # type: ignore[import-untyped]

    # Checksums that only Amazon knows are left out: https://github.com/boto/boto3/issues/4392
    config = Config(
        connect_timeout=10,
        retries={"max_attempts": 3, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.client(
        "s3",
        endpoint_url=settings.backup.BACKUP_S3_ENDPOINT_URL,
        region_name=settings.backup.BACKUP_S3_REGION,
        aws_access_key_id=settings.backup.BACKUP_S3_ACCESS_KEY_ID,
        aws_secret_access_key=settings.backup.BACKUP_S3_SECRET_ACCESS_KEY,
        config=config,
    )
