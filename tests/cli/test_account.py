"""Whose account a command uses: the environment's before a profile's, and never parts of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from altcraft_async.cli.profiles import store_profile
from altcraft_async.protocol.token import Token
from altcraft_async.simulator import ThreadedSimulator

Altcraft = Callable[..., tuple[int, str, str]]

LIST = ("resources", "list", "--limit", "1", "--json")


@pytest.fixture
def platform(simulator: ThreadedSimulator) -> Iterator[ThreadedSimulator]:
    """A simulator that the environment does not name."""
    with simulator:
        yield simulator


def store(platform: ThreadedSimulator, name: str) -> None:
    store_profile(name, platform.url, Token(platform.token), use_keyring=False)


def test_default_profile_is_used_without_any_setting(
    platform: ThreadedSimulator, altcraft: Altcraft
) -> None:
    store(platform, "default")
    code, out, err = altcraft(*LIST)
    assert (code, err) == (0, "")
    assert out.startswith('{"id": 1,')


@pytest.mark.parametrize(
    "arguments", [("--profile", "work", *LIST), (*LIST, "--profile", "work")], ids=" ".join
)
def test_profile_is_chosen_before_or_behind_the_command(
    platform: ThreadedSimulator,
    altcraft: Altcraft,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.setenv("ALTCRAFT_PROFILE", "staging")
    store(platform, "work")
    assert altcraft(*arguments)[0] == 0
    assert platform.count("resources/list") == 1


def test_profile_is_chosen_by_its_variable(
    platform: ThreadedSimulator, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(platform, "work")
    monkeypatch.setenv("ALTCRAFT_PROFILE", "work")
    assert altcraft(*LIST)[0] == 0


def test_account_of_the_environment_is_used_before_a_profile_and_says_so(
    account: ThreadedSimulator, altcraft: Altcraft
) -> None:
    store_profile("work", "http://127.0.0.1:1", Token("another-token"), use_keyring=False)
    code, _, err = altcraft(*LIST, "--profile", "work")
    assert (code, account.count("resources/list")) == (0, 1)
    assert err == (
        "altcraft: profile work is not used, as ALTCRAFT_URL and ALTCRAFT_TOKEN are set\n"
    )


@pytest.mark.parametrize("variable", ["ALTCRAFT_URL", "ALTCRAFT_TOKEN"])
def test_half_an_account_in_the_environment_is_not_completed_by_a_profile(
    platform: ThreadedSimulator,
    altcraft: Altcraft,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """Or the token of one install would be sent to another."""
    store(platform, "default")
    monkeypatch.setenv(variable, {"ALTCRAFT_URL": platform.url}.get(variable, platform.token))
    code, _, err = altcraft(*LIST)
    assert (code, len(platform.requests)) == (2, 0)
    assert "this environment variable is not set" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "there is no account; altcraft login stores one"),
        (("--profile", "work"), "no 'work' (stored: none); to add it: altcraft login --profile"),
        (("--profile", "../work"), "'../work' is no name for one"),
    ],
)
def test_account_that_cannot_be_found_is_one_line_and_exit_code_2(
    altcraft: Altcraft, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = altcraft(*LIST, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"altcraft: profile: {said}")


def test_hint_names_the_profile_whose_token_was_refused(
    platform: ThreadedSimulator, altcraft: Altcraft
) -> None:
    store_profile("work", platform.url, Token("wrong-token-here"), use_keyring=False)
    code, _, err = altcraft(*LIST, "--profile", "work")
    assert code == 4
    assert "check the token of profile work: " in err
    assert "wrong-token-here" not in err


@pytest.mark.filterwarnings("default:base_url")
def test_unencrypted_address_is_warned_of_by_the_name_of_its_profile(altcraft: Altcraft) -> None:
    store_profile("work", "http://altcraft.invalid", Token("a-token"), use_keyring=False)
    _, _, err = altcraft("status", "some-task", "--profile", "work")
    assert err.splitlines()[0] == (
        "altcraft: the address of profile work: http:// sends the token unencrypted; use https://"
    )
