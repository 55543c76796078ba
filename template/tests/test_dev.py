"""`app dev`."""

from tests.processes import run


def test_it_refuses_to_run_outside_development_and_prepares_nothing() -> None:
    result = run("app", "dev", ENVIRONMENT="production")

    assert result.returncode == 2
    assert (result.stdout, result.stderr) == ("", "error: `app dev` is for ENVIRONMENT=development only.\n")
