"""What `celery -A app.core.celery flower` reads from the directory it is started in.

https://flower.readthedocs.io/en/latest/config.html
"""

from pydantic import ValidationError

from app.core.config.base import explain
from app.core.config.flower import FlowerSettings

try:
    basic_auth = [FlowerSettings().FLOWER_BASIC_AUTH]
except ValidationError as error:
    # Without a password Flower would let anybody read arguments and revoke tasks.
    raise SystemExit(explain(error)) from None

# Seconds. Each worker that is started has a new name, and what has been stopped would stay in the list for ever.
purge_offline_workers = 3600
