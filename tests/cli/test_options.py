"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from altcraft_async.simulator import Fault, Simulator

Altcraft = Callable[..., tuple[int, str, str]]

SEGMENT = ("7", "--resource-id", "24", "--database-id", "1")


@pytest.mark.parametrize(
    "arguments",
    [
        ("refresh", "24"),
        ("refresh", "0", "--database-id", "1"),
        ("nonsense",),
        ("wait", "some-task", "--timeout", "nan"),
        ("refresh", "24", "--database-id", "1", "--timeout", "-1"),
        ("refresh", "24", "25", "--database-id", "1", "--outage-patience", "nan"),
        ("wait", '{"task_id":'),
        ("demo", "--token", "secret"),
        ("simulate", "--port", "0", "--duration", "5", "1"),
        ("resources", "refresh-all", "--in-flight", "0"),
        ("resources", "refresh-all", "--rate-limit", "0"),
        ("segments", "refresh", "7", "--resource-id", "24", "--database-name", "id"),
        ("refresh", "24", "--database-id", "1", "--json", "--csv"),
        ("refresh", "24", "--database-id", "1", "--no-wait", "--csv"),
        ("resources", "list", "--csv", "--csv-raw"),
    ],
)
def test_wrong_arguments_exit_with_2_and_send_nothing(
    account: Simulator, altcraft: Altcraft, arguments: tuple[str, ...]
) -> None:
    code, out, err = altcraft(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("altcraft: ")
    assert len(err.splitlines()) == 2
    assert not account.requests


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("refresh", "one", "--database-id", "1"), "'one' is not a valid whole number."),
        (("counters", "24", "--database-id", "1.5"), "'1.5' is not a valid whole number."),
        (("wait", "task", "--timeout", "5m"), "'5m' is not a valid number of seconds."),
        (("wait", "task", "--rate-limit", "ten"), "'ten' is not a valid number."),
        (("monitor", "--port", "http"), "'http' is not a valid whole number."),
        (("simulate", "--port", "http"), "'http' is not a valid whole number."),
        (("simulate", "--duration", "1", "5s"), "'5s' is not a valid number."),
    ],
)
def test_value_that_is_no_number_is_refused_in_plain_words(
    altcraft: Altcraft, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = altcraft(*arguments)
    assert (code, out) == (2, "")
    assert err.splitlines()[0].endswith(f": {said}")


@pytest.mark.parametrize("kind", ["resources", "databases", "segments"])
def test_target_without_its_second_id_is_refused(
    account: Simulator, altcraft: Altcraft, kind: str
) -> None:
    for command in ("refresh", "counters"):
        assert altcraft(kind, command, "24")[0] == 2
    assert not account.requests


@pytest.mark.parametrize("name", ["db_id", "list_id"])
def test_database_name_option_sets_the_parameter_of_segments(
    account: Simulator, altcraft: Altcraft, name: str
) -> None:
    for command in ("counters", "refresh"):
        code, *_ = altcraft("segments", command, *SEGMENT, "--database-name", name)
        assert code == 0
    sent = [one.params for one in account.requests if one.method.startswith("segments/")]
    assert len(sent) == 2
    assert all({"db_id", "list_id"} & one.keys() == {name} for one in sent)


def test_rate_limit_spreads_the_requests(account: Simulator, altcraft: Altcraft) -> None:
    numbers = [str(number) for number in range(1, 9)]
    arguments = ("--database-id", "1", "--no-wait", "--rate-limit", "40")
    assert altcraft("resources", "refresh", *numbers, *arguments)[0] == 0
    at = [one.at for one in account.requests]
    assert at[-1] - at[0] > 0.8 * (len(at) - 1) / 40


def test_outage_patience_ends_a_run_that_gets_no_answer(
    account: Simulator, altcraft: Altcraft
) -> None:
    for method in ("resources/refresh_counters", "resources/list"):
        account.misbehave(method, Fault.html(503), times=1000)
    numbers = [str(number) for number in range(1, 13)]
    options = ("--database-id", "1", "--in-flight", "3", "--outage-patience", "1")
    code, _, err = altcraft("refresh", *numbers, *options)
    assert code != 0
    assert "12 of 12 failed" in err
