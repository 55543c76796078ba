"""`app dev`."""

from tests.conftest import run


def test_it_refuses_to_run_outside_development() -> None:
    result = run("app", "dev", ENVIRONMENT="production")

    assert result.returncode == 2
    assert result.stderr == "error: `app dev` is for ENVIRONMENT=development only.\n"
