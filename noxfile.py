"""The verbs of the workshop: ``nox -s lint types test bench docs``.

``nox --no-venv`` runs them with the tools of the active environment.
"""

import nox

nox.needs_version = ">=2025.5"
nox.options.sessions = ["lint", "types", "test"]


def install(session: nox.Session, extras: str) -> None:
    """Install xenoglyph with its extras, unless there is an environment already."""
    if session.virtualenv.is_sandboxed:
        session.install(f".[{extras}]")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling and the import law."""
    install(session, "dev")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check the annotations."""
    install(session, "all,dev")
    session.run("mypy")


@nox.session
def test(session: nox.Session) -> None:
    """Run the tests; what follows ``--`` goes to pytest."""
    install(session, "all,dev")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run every benchmark; each checks its answer before it prints a time."""
    install(session, "all,dev")
    for name in ("paper", "mixture"):
        session.run("python", "-m", f"benchmarks.{name}")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    install(session, "all,docs")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")
