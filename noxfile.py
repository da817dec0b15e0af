"""The checks, one session each: ``nox -l`` lists them, ``.ci/run`` runs them all.

Sessions run in the environment that nox was started from, in which
``pip install -e '.[dev]'`` was done; `pythons`, `floors`, `airflow`,
`engines`, `docs` and `release` make environments of their own. All but `release`
install with uv, as pip takes up to a minute to resolve each.
"""

from __future__ import annotations

import shutil
import sys

import nox

sys.path.insert(0, ".ci")
from interpreters import VERSIONS, find

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests"]

FLOORS_PYTHON = "3.12"

PURE_TESTS = (
    "tests/models",
    "tests/policies",
    "tests/protocol",
    "tests/test_errors.py",
    "tests/starts/test_ledger.py",
    "tests/starts/test_transitions.py",
    "tests/tasks/test_poll_state.py",
    "tests/transport/test_breaker.py",
    "tests/transport/test_concurrency.py",
    "tests/transport/test_rate.py",
    "tests/transport/test_retry.py",
)
PURE_FILES = (
    "models/*",
    "policies/*",
    "protocol/*",
    "starts/ledger.py",
    "starts/transitions.py",
    "tasks/poll_state.py",
    "transport/breaker.py",
    "transport/concurrency.py",
    "transport/rate.py",
    "transport/retry.py",
)
ON_UVLOOP = (
    "tests/transport/test_clock.py",
    *(f"tests/simulator/test_{name}.py" for name in ("server", "handler", "responses", "clock")),
    "README.md",
    "docs/guides",
)


def environment(session: nox.Session, interpreter: str, folder: str, *wanted: str) -> None:
    """Make a new environment and install what is wanted."""
    session.run(interpreter, "-m", "venv", "--clear", "--without-pip", folder, external=True)
    session.run("uv", "pip", "install", "-q", "--python", folder, *wanted)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the quick tests."""
    session.run("pytest", "-q", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, spelling and the direction of imports."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    session.run("lint-imports", "--no-cache")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, twice."""
    session.run("mypy")
    session.run("pyright", "--project", "pyproject.toml", "--pythonpath", sys.executable)


@nox.session
def pure(session: nox.Session) -> None:
    """Let the tests of the pure modules reach every branch of them."""
    # The whole package is measured and some files are reported: naming modules imports them twice.
    session.run("pytest", "-q", "-n", "0", *PURE_TESTS, "--cov", "--cov-branch", "--cov-report=")
    include = ",".join(f"altcraft_async/{path}" for path in PURE_FILES)
    session.run("coverage", "report", "--skip-covered", "--fail-under=100", f"--include={include}")


@nox.session
def loops(session: nox.Session) -> None:
    """Run tests in asyncio's debug mode, and on uvloop."""
    debug = {"PYTHONASYNCIODEBUG": "1"}
    session.run("pytest", "-q", "tests/tasks", "tests/transport/test_clock.py", env=debug)
    # looptime, and looking for what was left behind, need asyncio's own loop.
    deselect = ("-m", "not looptime and not slow")
    session.run("python", ".ci/on_uvloop.py", "-q", "-n", "0", *deselect, *ON_UVLOOP)


@nox.session
def slow(session: nox.Session) -> None:
    """Run what takes long, such as guards taken away and a soak, and each property in full."""
    many = {"HYPOTHESIS_EXAMPLES": "all"}
    session.run("pytest", "-q", "-m", "slow or hypothesis", "tests", *session.posargs, env=many)


@nox.session
def order(session: nox.Session) -> None:
    """Run the quick tests in a random order, for each seed given."""
    for seed in session.posargs or ("1",):
        session.run("pytest", "-q", "--random-order-bucket=global", f"--random-order-seed={seed}")


@nox.session
def pythons(session: nox.Session) -> None:
    """Run the quick tests in a random order on each other Python but that of `floors`.

    The argument is the seed. Without another Python, they run on this one.
    """
    seed = session.posargs[0] if session.posargs else "1"
    command = ("-q", "--random-order-bucket=global", f"--random-order-seed={seed}")
    tried_elsewhere = (FLOORS_PYTHON, ".".join(map(str, sys.version_info[:2])))
    found = {version: find(version) for version in VERSIONS if version not in tried_elsewhere}
    for version, interpreter in found.items():
        if interpreter is None:
            continue
        folder = f"{session.cache_dir}/python{version}"
        environment(session, interpreter, folder, "-e", ".[dev]")
        session.run(f"{folder}/bin/pytest", *command, external=True)
    if not any(found.values()):
        session.run("pytest", *command)


@nox.session
def floors(session: nox.Session) -> None:
    """Run the quick tests on the lowest versions allowed; they reach 98 % of the lines or more.

    On another Python than the rest, where this machine has it, so that it is tried as well.
    """
    folder = session.cache_dir / "floors"
    folder.mkdir(exist_ok=True)
    with (folder / "constraints").open("w") as constraints:
        session.run("python", ".ci/floors.py", stdout=constraints)
    interpreter = find(FLOORS_PYTHON) or sys.executable
    versions = ("--constraint", f"{folder}/constraints")
    environment(session, interpreter, f"{folder}/venv", *versions, "-e", ".[dev]")
    session.run(
        *(f"{folder}/venv/bin/pytest", "-q", "-n", "2", "-p", "no:cacheprovider"),
        *("--cov", "--cov-report=term:skip-covered", "--cov-fail-under=98"),
        # Python 3.12 counts lines by itself, in two thirds of the time that branches take.
        env={"COVERAGE_FILE": f"{folder}/coverage", "COVERAGE_CORE": "sysmon"},
        external=True,
    )


@nox.session
def airflow(session: nox.Session) -> None:
    """Run the Airflow integration in Airflow."""
    session.run(".ci/airflow.sh", external=True)


@nox.session
def engines(session: nox.Session) -> None:
    """Run the recipes for SAQ, Dagster, Prefect and Temporal in these engines."""
    session.run(".ci/engines.sh", external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Run each benchmark in its smallest size; needs the extra `bench`."""
    session.run("python", "-m", "benchmarks", "--quick", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site with warnings as errors, and check the links inside it.

    It is in the folder that the last line names.
    """
    folder = session.cache_dir / "docs"
    python = f"{folder}/venv/bin/python"
    environment(session, sys.executable, f"{folder}/venv", "-e", ".[docs]")
    build = ("-b", "html", "-W", "--keep-going", "-q", "-E", "docs", f"{folder}/html")
    session.run(python, "-m", "sphinx", *build, external=True)
    session.run("python", ".ci/links.py", f"{folder}/html")
    session.log(f"{folder}/html/index.html")


@nox.session
def release(session: nox.Session) -> None:
    """Build wheel and sdist twice from what is committed, and try each on each Python.

    Arguments are the Pythons to try: ``nox -s release -- 3.12``. Publishes nothing.
    """
    folder = session.cache_dir.resolve() / "release"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    python = f"{folder}/tools/bin/python"
    session.run(sys.executable, "-m", "venv", f"{folder}/tools", external=True)
    tools = ("build>=1.3", "twine>=6.2")
    session.run(python, "-m", "pip", "install", "-q", "--no-compile", *tools, external=True)
    session.run("python", ".ci/release.py", f"{folder}", python, *session.posargs)
