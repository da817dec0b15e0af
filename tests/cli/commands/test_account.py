"""``login``, ``whoami`` and ``logout``."""

from __future__ import annotations

import fcntl
import io
import json
import os
import sys
import termios
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from altcraft_async.cli.profiles import load_profile, profile_names, profile_path, store_profile
from altcraft_async.protocol.token import Token
from altcraft_async.simulator import Fault, ThreadedSimulator

Altcraft = Callable[..., tuple[int, str, str]]
Login = Callable[..., tuple[int, str, str]]


@pytest.fixture
def platform(simulator: ThreadedSimulator) -> Iterator[ThreadedSimulator]:
    """A simulator that the environment does not name."""
    with simulator:
        yield simulator


@pytest.fixture
def login(
    platform: ThreadedSimulator, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> Login:
    """Runs ``altcraft login`` with a token on stdin, and without the machine's keyring."""

    def run(*arguments: str, token: str | bytes = platform.token + "\n") -> tuple[int, str, str]:
        given = token if isinstance(token, bytes) else token.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
        return altcraft("login", "--no-keyring", *arguments)

    return run


def test_login_checks_the_account_with_one_request_and_stores_it(
    platform: ThreadedSimulator, login: Login
) -> None:
    code, out, err = login("--url", platform.url)
    assert (code, out, len(platform.requests)) == (0, "", 1)
    first, second = err.splitlines()
    assert first == f"altcraft: logged in to {platform.url} as profile default"
    assert second == (
        f"altcraft: the token is in {profile_path('default')}, which only you can read,"
        " and not in the system's keyring (as --no-keyring says)"
    )
    assert load_profile("default").token.reveal() == platform.token


def test_login_stores_nothing_if_the_platform_refuses_the_token(
    platform: ThreadedSimulator, login: Login
) -> None:
    code, _, err = login("--url", platform.url, "--profile", "work", token="wrong-token-here\n")
    assert (code, profile_names()) == (4, [])
    assert "check the token of profile work" in err
    assert "wrong-token-here" not in err


def test_login_stores_nothing_if_the_platform_cannot_be_reached(login: Login) -> None:
    code, _, err = login("--url", "http://127.0.0.1:1")
    assert (code, profile_names()) == (5, [])
    assert "check the address of profile default and the network" in err


def test_login_takes_a_token_that_may_not_list_resources_and_says_so(
    platform: ThreadedSimulator, login: Login
) -> None:
    platform.misbehave("resources/list", Fault.refuse(403))
    code, _, err = login("--url", platform.url)
    assert (code, profile_names()) == (0, ["default"])
    assert "altcraft: the token may not list resources, so some commands may be refused\n" in err


def test_login_says_that_the_environment_is_used_before_the_profile(
    platform: ThreadedSimulator, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALTCRAFT_URL", "https://example.com")
    code, _, err = login("--url", platform.url)
    assert code == 0
    assert "ALTCRAFT_URL or ALTCRAFT_TOKEN is set, so no profile is used" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "token", "said"),
    [
        (("--url", "example.com"), "t", "url: has to begin with http:// or https://"),
        (("--url", "http://127.0.0.1:1"), "", "token: has to be a non-empty string"),
        (("--url", "http://127.0.0.1:1"), "two words", "token: has to be without spaces"),
        (("--url", "http://127.0.0.1:1"), b"\xff\n", "token: what stdin gives is not text"),
        (("--url", "http://127.0.0.1:1", "--profile", "a/b"), "t", "profile: 'a/b' is no name"),
        ((), "t", "--url is missing: stdin is not a terminal"),
        (("--token", "secret"), "t", "No such option"),
    ],
)
def test_login_refuses_wrong_input_with_code_2_and_does_not_show_it(
    login: Login, arguments: tuple[str, ...], token: str | bytes, said: str
) -> None:
    code, out, err = login(*arguments, token=token)
    assert (code, out, profile_names()) == (2, "", [])
    assert err.startswith(f"altcraft: {said}")
    assert "two words" not in err


def test_login_without_stdin_is_refused(
    platform: ThreadedSimulator, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = altcraft("login", "--url", platform.url)
    sys.stdin.close()
    assert (code, err) == (2, "altcraft: token: has to be a non-empty string\n")


def test_login_on_a_terminal_asks_and_does_not_echo_the_token(
    platform: ThreadedSimulator,
    terminal: Any,  # noqa: ANN401 -- a class of conftest.py
    spawn_anew: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(terminal.descriptor, termios.TIOCSCTTY, 0)

    with terminal:
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal.descriptor)
        process = spawn_anew("login", **streams, preexec_fn=take_terminal)
        terminal.wait_for("Address: ")
        terminal.type(f"{platform.url}\n")
        terminal.wait_for("Token (not shown): ")  # the last blank comes once the echo is off
        terminal.type(f"{platform.token}\n")
        assert process.wait(30) == 0
    assert platform.token not in terminal.text
    assert f"logged in to {platform.url}" in terminal.text
    assert load_profile("default").token.reveal() == platform.token


def test_whoami_shows_the_account_of_a_profile_and_checks_it(
    platform: ThreadedSimulator, altcraft: Altcraft
) -> None:
    for name in ("default", "work"):
        store_profile(name, platform.url, Token(platform.token), use_keyring=False)
    code, out, err = altcraft("whoami", "--profile", "work", "--json")
    assert (code, err) == (0, "altcraft: the platform accepts the account\n")
    assert json.loads(out) == {
        "source": "profile",
        "profile": "work",
        "address": platform.url,
        "token_in": "file",
        "file": str(profile_path("work")),
        "profiles": ["default", "work"],
    }
    assert len(platform.requests) == 1


def test_whoami_shows_the_account_of_the_environment_without_its_token(
    account: ThreadedSimulator, altcraft: Altcraft
) -> None:
    code, out, _ = altcraft("whoami")
    assert code == 0
    assert out.splitlines()[0].split() == ["source", "environment"]
    assert account.token not in out


def test_whoami_shows_an_account_that_is_refused_and_ends_with_4(
    platform: ThreadedSimulator, altcraft: Altcraft
) -> None:
    store_profile("default", platform.url, Token("wrong-token-here"), use_keyring=False)
    code, out, err = altcraft("whoami")
    assert code == 4
    assert platform.url in out
    assert "check the token of profile default" in err
    assert "wrong-token-here" not in out + err


def test_logout_deletes_the_profile_and_sends_nothing(
    platform: ThreadedSimulator, altcraft: Altcraft
) -> None:
    store_profile("work", platform.url, Token(platform.token), use_keyring=False)
    code, out, err = altcraft("logout", "--profile", "work")
    assert (code, out, profile_names(), len(platform.requests)) == (0, "", [], 0)
    assert err.startswith("altcraft: deleted profile work and its token")
    code, _, err = altcraft("logout", "--profile", "work")
    assert (code, err) == (
        2,
        "altcraft: profile: no 'work' (stored: none), so nothing was deleted\n",
    )


def test_whoami_says_that_a_named_profile_is_not_used_beside_the_environment(
    platform: ThreadedSimulator, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALTCRAFT_URL", platform.url)
    monkeypatch.setenv("ALTCRAFT_TOKEN", platform.token)
    code, out, err = altcraft("whoami", "--profile", "work")
    assert code == 0
    assert out.startswith("source    environment\n")
    assert "profile work is not used, as ALTCRAFT_URL and ALTCRAFT_TOKEN are set\n" in err
