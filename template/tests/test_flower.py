"""The dashboard."""

from tests.processes import run, script


def test_flower_does_not_start_without_a_password() -> None:
    result = run("flowerconfig", ENVIRONMENT="production", FLOWER_BASIC_AUTH="")

    assert result.returncode != 0
    assert result.stderr.startswith("error: FLOWER_BASIC_AUTH is not set.")


def test_flower_takes_the_password_from_the_environment() -> None:
    assert run("flowerconfig", ENVIRONMENT="production", FLOWER_BASIC_AUTH="user:password").returncode == 0


def test_a_service_that_has_its_name_does_not_keep_it_from_starting() -> None:
    program = (
        "import app.core.celery; from flower.command import apply_env_options, options;"
        "apply_env_options(); print(options.port)"
    )

    result = script(program, FLOWER_PORT="tcp://10.0.0.1:80", FLOWER_PORT_80_TCP_PORT="80", FLOWER_SERVICE_PORT="80")

    assert result.stdout == "5555\n", result.stderr
