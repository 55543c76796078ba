"""What a task's message says about itself: the headers that Celery and this project read, and of which type each is."""

from typing import Annotated, Any

from celery.app.task import Context
from pydantic import BaseModel, ConfigDict, Field

# Stores of results have to be able to keep it: Celery's tables have 155 characters for it, and not all take a NUL.
TaskId = Annotated[str, Field(min_length=1, max_length=155, pattern=r"^[^\x00]+$")]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Seconds = Annotated[float, Field(ge=0, lt=2**31)]


class Headers(BaseModel):
    """The headers of a message; what else it has is nobody's business here."""

    model_config = ConfigDict(strict=True)

    id: TaskId
    task: Annotated[str, Field(min_length=1, max_length=255)]
    argsrepr: str | None = None
    eta: str | None = None
    expires: str | None = None
    group: TaskId | None = None
    group_index: Count | None = None
    ignore_result: bool | None = None
    job: bool | None = None
    kwargsrepr: str | None = None
    lang: str | None = None
    organization_id: str | int | None = None
    origin: str | None = None
    parent_id: TaskId | None = None
    part_of: TaskId | None = None
    replaced_task_nesting: Count = 0
    request_id: str | None = None
    retries: Count = 0
    root_id: TaskId | None = None
    shadow: str | None = None
    stamped_headers: list[str] | None = None
    stamps: dict[str, Any] | None = None
    timelimit: Annotated[list[Seconds | None], Field(min_length=2, max_length=2)] | None = None


NAMES = tuple(sorted(Headers.model_fields))

# Celery makes attributes of a message's headers. One that it does not send could take the place of something that it
# believes, or of a method.
TAKEN = frozenset(dir(Context)) - Headers.model_fields.keys()
