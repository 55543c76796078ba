"""A task's signature as a model: what may be sent, what the API documents, and the types that the body gets back."""

import inspect
import json
from contextlib import suppress
from functools import cache
from typing import Any

from celery import Task
from pydantic import (
    BaseModel,
    ConfigDict,
    PydanticUserError,
    SecretBytes,
    SecretStr,
    TypeAdapter,
    ValidationError,
    create_model,
)

from app.core.outcome import NotSerializable, refuse_infinity

# Who asks is known from elsewhere: a task that has this parameter gets the organization of its job.
ORGANIZATION = "organization_id"
# Annotations of what JSON has, or of anything.
PLAIN = (inspect.Parameter.empty, Any, object, str, int, float, bool, list, dict)


class BadArguments(ValueError):
    """The arguments do not fit the task's signature."""


@cache
def model_of(task: Task[Any, Any]) -> type[BaseModel]:
    """Return the model of a task's arguments, without the organization.

    Raises:
        TypeError: A parameter cannot be sent by name, or pydantic cannot check its type.
    """
    fields: dict[str, Any] = {}
    anything_else = False
    for parameter in inspect.signature(task.run, eval_str=True).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            anything_else = True
        elif parameter.kind in {parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY}:
            message = f"{task.name}: the parameter {parameter.name!r} cannot be sent by its name."
            raise TypeError(message)
        elif parameter.name != ORGANIZATION:
            annotation = Any if parameter.annotation is parameter.empty else parameter.annotation
            if annotation in {SecretStr, SecretBytes}:
                message = f"{task.name}: the secret {parameter.name!r} would be sent as asterisks."
                raise TypeError(message)
            fields[parameter.name] = (annotation, ... if parameter.default is parameter.empty else parameter.default)
    config = ConfigDict(extra="allow" if anything_else else "forbid")
    return create_model(task.name.rpartition(".")[2], __config__=config, __module__=task.__module__, **fields)


@cache
def takes_organization(task: Task[Any, Any]) -> bool:
    """Tell whether a task's signature names the organization."""
    return ORGANIZATION in inspect.signature(task.run).parameters


def to_json(task: Task[Any, Any], arguments: dict[str, Any], organization_id: str) -> dict[str, Any]:
    """Check arguments and return them as plain JSON, the organization among them if the task names it.

    Raises:
        BadArguments: They do not fit, or do not survive JSON.
    """
    if ORGANIZATION in arguments:
        message = f"{ORGANIZATION}: it is not an argument, it is known from the caller"
        raise BadArguments(message)
    checked = _checked(task, arguments)
    try:
        sent: dict[str, Any] = json.loads(checked.model_dump_json(by_alias=True, exclude_unset=True))
        refuse_infinity(checked.model_dump(exclude_unset=True), "arguments")
    except (NotSerializable, ValueError) as error:
        raise BadArguments(str(error)) from None
    # What the worker will read.
    _checked(task, sent)
    return sent | ({ORGANIZATION: organization_id} if takes_organization(task) else {})


def from_json(task: Task[Any, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a job in the types of the signature.

    Raises:
        BadArguments: They do not fit; the task has changed since they were sent.
    """
    own = {name: value for name, value in arguments.items() if name != ORGANIZATION}
    checked = _checked(task, own)
    return arguments | {name: getattr(checked, name) for name in own}


def typed(task: Task[Any, Any], args: Any, kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a task that is not a job in the types of its signature.

    Celery checks nothing, and neither does this: what does not fit is passed on as it is.
    """
    names, types = _types_of(task)
    given = zip([*names, *[""] * len(args)], args, strict=False)
    return (
        tuple(_typed(types.get(name), value) for name, value in given),
        {name: _typed(types.get(name), value) for name, value in kwargs.items()},
    )


@cache
def _types_of(task: Task[Any, Any]) -> tuple[list[str], dict[str, TypeAdapter[Any]]]:
    """Return the names of the parameters that take a place, and the types that JSON does not have by their names."""
    try:
        parameters = inspect.signature(task.run, eval_str=True).parameters.values()
    except (NameError, TypeError, ValueError):
        return [], {}
    placed = [each.name for each in parameters if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
    named = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    types = {}
    for each in parameters:
        if each.name in {*placed, *named} and each.annotation not in PLAIN:
            with suppress(PydanticUserError):
                types[each.name] = TypeAdapter[Any](each.annotation)
    return placed, types


def _typed(adapter: TypeAdapter[Any] | None, value: Any) -> Any:
    if adapter is None or value is None:
        return value
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return value


def _checked(task: Task[Any, Any], arguments: dict[str, Any]) -> BaseModel:
    try:
        return model_of(task).model_validate(arguments)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        listed = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems)
        raise BadArguments(listed) from None
