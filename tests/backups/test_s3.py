"""Copies of backups in a bucket, of a server that speaks S3's protocol."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.boot.servers import free_port

from .projects import BackupStage

pytestmark = [pytest.mark.faults, pytest.mark.on("sqlite")]

BUCKET = "copies"
SECRET = "the/secret+key"


@pytest.fixture
def bucket() -> Iterator[Any]:
    """An empty bucket of a server on this machine."""
    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        store = boto3.resource("s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="operator",
                               aws_secret_access_key=SECRET)  # fmt: skip
        yield store.create_bucket(Bucket=BUCKET)
    finally:
        server.stop()


def settings(bucket: Any, name: str = BUCKET) -> dict[str, str]:
    """Return the variables that name a bucket."""
    return {
        "BACKUP_S3_BUCKET": name,
        "BACKUP_S3_ENDPOINT_URL": bucket.meta.client.meta.endpoint_url,
        "BACKUP_S3_PREFIX": "nightly/",
        "BACKUP_S3_REGION": "us-east-1",
        "BACKUP_S3_ACCESS_KEY_ID": "operator",
        "BACKUP_S3_SECRET_ACCESS_KEY": SECRET,
    }


def test_a_backup_is_copied_with_its_manifest(stage: BackupStage, place: Path, bucket: Any) -> None:
    done = stage.app(place, "backup", **settings(bucket))

    assert done.returncode == 0
    copies = {each.key: each.get()["Body"].read() for each in bucket.objects.all()}
    assert copies == {f"nightly/{path.name}": path.read_bytes() for path in place.glob("demo-project-*")}
    assert len(copies) == 2
    assert SECRET not in done.stderr


def test_a_copy_that_fails_fails_the_backup_which_stays(stage: BackupStage, place: Path, bucket: Any) -> None:
    done = stage.app(place, "backup", **settings(bucket, "missing"))

    assert done.returncode == 1
    (made,) = place.glob("demo-project-*.gz")
    assert done.stderr.splitlines()[-1].startswith(
        f"error: `{made}` was made, but not copied to the bucket `missing`: "
    )
    assert "NoSuchBucket" in done.stderr
    assert SECRET not in done.stderr
    assert stage.app(place, "backups", "--check").stdout.rstrip().endswith("  ok")
