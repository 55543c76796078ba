"""A generated pipeline, read alike from GitHub's files and from GitLab's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

GITHUB, GITLAB = ".github/workflows", ".gitlab-ci.yml"
VALUE = re.compile(r"\$\{\{.*\}\}")


@dataclass(frozen=True)
class Server:
    """A container beside a job: its image, what it is told, and at which host and port the job finds it."""

    image: str
    environment: Mapping[str, str]
    host: str
    port: int | None


@dataclass(frozen=True)
class Job:
    """A job: the scripts that it runs one after another, in which environment, and the servers beside it."""

    scripts: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    servers: list[Server] = field(default_factory=list)
    python: str | None = None
    minutes: int | None = None


def files(project: Path) -> list[Path]:
    """The files that make up the pipeline of a project."""
    return sorted([*(project / GITHUB).glob("*"), *project.glob(GITLAB)])


def jobs(project: Path) -> dict[str, Job]:
    """The jobs of a project's pipeline by name; `forge` is the one that runs once a week."""
    if (project / GITLAB).exists():
        return _gitlab(yaml.safe_load((project / GITLAB).read_text()))
    found = {}
    for path in files(project):
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            found["forge" if path.stem == "forge" else name] = _github(job)
    return found


def _github(job: Mapping[str, Any]) -> Job:
    environment, scripts, python = dict(job.get("env", {})), [], None
    for step in job["steps"]:
        if "run" in step:
            scripts.append(step["run"])
        # What GitHub puts in is empty, as a variable is that nobody has set.
        environment |= {name: VALUE.sub("", value) for name, value in step.get("env", {}).items()}
        python = step.get("with", {}).get("python-version", python)
    servers = [
        Server(each["image"], each.get("env", {}), "localhost", int(each["ports"][0].partition(":")[0]))
        for each in job.get("services", {}).values()
    ]
    return Job(scripts, environment, servers, python, job.get("timeout-minutes"))


def _gitlab(pipeline: dict[str, Any]) -> dict[str, Job]:
    default = pipeline.pop("default")
    found = {}
    for name, job in pipeline.items():
        if "script" not in job:
            continue
        whole = pipeline.get(job.get("extends"), {}) | job
        servers = [
            Server(each["name"], each.get("variables", {}), each["alias"], None)
            for each in whole.get("services", [])
            if isinstance(each, dict)
        ]
        image = whole.get("image", default["image"])
        python = image.removeprefix("python:").removesuffix("-trixie") if image.startswith("python:") else None
        minutes = int(whole["timeout"].removesuffix("m"))
        found[name] = Job(whole["script"], whole.get("variables", {}), servers, python, minutes)
    return found
