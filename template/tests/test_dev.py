"""`app dev`."""

import socket

from tests.processes import run


def test_it_refuses_to_run_outside_development_and_prepares_nothing() -> None:
    result = run("app", "dev", ENVIRONMENT="production")

    assert result.returncode == 2
    assert (result.stdout, result.stderr) == ("", "error: `app dev` is for ENVIRONMENT=development only.\n")


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = run("app", "dev", "--port", str(port), ENVIRONMENT="development")

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == f"error: port {port}: Address already in use. Choose another: make dev PORT=8001\n"
