"""The names of worker nodes: each worker has one of its own, however many there are on a machine or a broker.

Under one name, a broker lets only one of them in, or each answers for all; and monitors take them for one.
"""

import secrets
import sys

from app.core.config.settings import settings


def install() -> None:
    """Let a worker that is started without `--hostname` choose a name that no other one has.

    A process id would not do: it is 1 in every container, and containers may share the name of their host.
    """
    # Celery's command line is loaded before the application that it is to run; no other process needs it.
    command = sys.modules.get("celery.bin.worker")
    if command and not settings.celery.has_embedded_broker:
        option = next(option for option in command.worker.params if option.name == "hostname")
        option.default = f"{settings.app.SLUG}-{secrets.token_hex(3)}@%h"
