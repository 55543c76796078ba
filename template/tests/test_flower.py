"""The dashboard."""

from tests.processes import run


def test_flower_does_not_start_without_a_password() -> None:
    result = run("flowerconfig", ENVIRONMENT="production", FLOWER_BASIC_AUTH="")

    assert result.returncode != 0
    assert result.stderr.startswith("error: FLOWER_BASIC_AUTH is not set.")


def test_flower_takes_the_password_from_the_environment() -> None:
    assert run("flowerconfig", ENVIRONMENT="production", FLOWER_BASIC_AUTH="user:password").returncode == 0
