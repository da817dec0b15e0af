"""Signed addresses of tasks: unforgeable, and of use to their owner only."""

from __future__ import annotations

import math
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async import AltcraftClient, ConfigurationError, Constant, TaskRef
from altcraft_async.integrations._signing import Secret
from altcraft_async.integrations._web.addresses import Addresses, Owner
from altcraft_async.integrations._web.responses import ExpiredAddressError, WrongAddressError
from altcraft_async.integrations.starlette import Altcraft
from altcraft_async.simulator import Simulator
from tests.support.web_servers import asgi_app
from tests.support.web_site import OpenSite, Site, parse_events, starlette_with_refresh

pytestmark = pytest.mark.looptime

SECRET = "sixteen characters or more"
REF = TaskRef(task_id="7f9c", kind="resource", target=(24, 1))


def addresses(secret: Secret | None = SECRET) -> Addresses[Owner]:
    """Make addresses whose requests are their owners."""
    return Addresses(secret, lambda owner: owner) if secret else Addresses(None, None)


def test_word_leads_back_to_its_task_in_every_process_with_the_secret() -> None:
    word = addresses().word("ann", REF)
    assert word.startswith("7f9c@resource:24:1.")
    assert addresses().read("ann", word) == REF
    assert addresses(SECRET.encode()).read("ann", word) == REF


def test_without_a_secret_anybody_can_write_a_word() -> None:
    assert addresses(None).word("ann", REF) == "7f9c@resource:24:1"
    assert addresses(None).read("eve", "7f9c@resource:24:1") == REF


@given(st.integers(0, 100), st.characters())
def test_changed_word_is_refused(at: int, character: str) -> None:
    word = addresses().word("ann", REF)
    at %= len(word)
    forged = word[:at] + character + word[at + 1 :]
    if forged != word:
        with pytest.raises(WrongAddressError):
            addresses().read("ann", forged)


@pytest.mark.parametrize(
    "word", ["", ".", "7f9c", "7f9c@resource:24:1", "7f9c@resource:24:1.", "\udc00.\udc00"]
)
def test_unsigned_word_is_refused(word: str) -> None:
    with pytest.raises(WrongAddressError):
        addresses().read("ann", word)


@pytest.mark.parametrize(
    ("owner", "other"), [("ann", "eve"), ("ann", None), (None, "None"), (1, 2)]
)
def test_word_of_another_owner_is_refused(owner: Owner, other: Owner) -> None:
    with pytest.raises(WrongAddressError):
        addresses().read(other, addresses().word(owner, REF))


def test_id_of_an_owner_may_be_a_number_here_and_text_there() -> None:
    assert addresses().read("5", addresses().word(5, REF)) == REF


def test_old_secret_is_accepted_and_the_newest_signs() -> None:
    old, new = addresses("the secret of last year"), addresses(["the secret of today", SECRET])
    assert new.read("ann", addresses().word("ann", REF)) == REF
    assert addresses("the secret of today").read("ann", new.word("ann", REF)) == REF
    with pytest.raises(WrongAddressError):
        new.read("ann", old.word("ann", REF))


def expiring(now: float, expire: float | None = 60.0) -> Addresses[Owner]:
    """Make addresses at a time."""
    return Addresses(SECRET, lambda owner: owner, expire, lambda: now)


def test_expiring_word_is_good_for_its_seconds_and_then_expired() -> None:
    word = expiring(1000.0).word("ann", REF)
    assert word.startswith("7f9c@resource:24:1.1060.")
    assert expiring(1059.9).read("ann", word) == REF
    assert expiring(1059.9, expire=None).read("ann", word) == REF
    for expire in (60.0, 3600.0, None):
        with pytest.raises(ExpiredAddressError):
            expiring(1060.0, expire).read("ann", word)


def test_word_that_follows_from_another_does_not_live_longer() -> None:
    word = expiring(1000.0).word("ann", REF)
    assert expiring(1030.0).word("ann", REF, word) == word
    assert expiring(1030.0).word("ann", REF) != word


def test_word_from_before_words_expired_is_expired() -> None:
    with pytest.raises(ExpiredAddressError):
        expiring(0.0).read("ann", addresses().word("ann", REF))


def test_later_end_cannot_be_written_into_a_word() -> None:
    word = expiring(1000.0).word("ann", REF)
    for forged in (word.replace(".1060.", ".9999."), word.replace(".1060.", ".")):
        with pytest.raises(WrongAddressError):
            expiring(1000.0).read("ann", forged)
    with pytest.raises(WrongAddressError):  # an old one tells others nothing
        expiring(2000.0).read("eve", word)


def test_end_without_a_secret_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^addresses_expire: needs a secret"):
        Altcraft(addresses_expire=60)
    with pytest.raises(ConfigurationError, match=r"^addresses_expire: "):
        Altcraft(secret=SECRET, addresses_expire=0)


async def test_address_of_a_running_task_does_not_change_and_is_gone_in_time(
    site: OpenSite,
) -> None:
    now = 1000.0
    async with site(duration=math.inf) as here:
        here.altcraft._addresses = Addresses(SECRET, None, 60.0, lambda: now)
        path = await here.start()
        now = 1059.0
        assert (await here.request("GET", path)).json["task"] == path.removeprefix("/tasks/")
        now = 1060.0
        for suffix in ("", "/events"):
            reply = await here.request("GET", path + suffix)
            assert (reply.status, reply.json["error"]) == (410, "expired")


@pytest.mark.parametrize("owner", [True, b"ann", object()])
def test_owner_of_another_type_is_a_mistake_of_the_program(owner: Any) -> None:  # noqa: ANN401 -- of a wrong type
    wrong = Addresses[None](SECRET, lambda _: owner)
    with pytest.raises(ConfigurationError, match=r"^owner: has to return a str, an int or None"):
        wrong.word(None, REF)


@pytest.mark.parametrize("secret", ["", "fifteen charact", b"fifteen charact", 5, [], [SECRET, ""]])
def test_short_secret_is_refused_without_a_quote(secret: Secret) -> None:
    with pytest.raises(ConfigurationError, match=r"^secret: ") as refused:
        Altcraft(secret=secret)
    assert "fifteen" not in str(refused.value)


def test_owner_without_a_secret_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^owner: needs a secret"):
        Altcraft(owner=lambda _: "ann")


@pytest.mark.usefixtures("nothing_left")
async def test_app_opens_a_task_for_its_owner_only_and_sends_no_poll_for_others() -> None:
    async with Simulator(duration=math.inf) as server, aiohttp.ClientSession() as browser:
        client = AltcraftClient(server.url, server.token, poll=Constant(0.02))
        altcraft = Altcraft(
            lambda: client,
            timeout=0.2,
            secret=SECRET,
            owner=lambda request: request.headers.get("X-User"),
        )
        async with asgi_app(starlette_with_refresh(altcraft)) as url:
            here = Site(server, altcraft, url, browser)
            started = await here.request("POST", "/resources/24", X_User="ann")
            path = started.headers["Location"]
            assert path == f"/tasks/{started.json['task']}"
            again = await here.request("GET", path, X_User="ann")
            assert (again.status, again.json["task"]) == (202, started.json["task"])
            await here.until(lambda: not here.has_waiters)
            polls = here.polls
            made_up = path.replace("@resource:24:", "@resource:25:")
            for wrong, user in ((path, "eve"), (made_up, "ann"), (path.partition(".")[0], "ann")):
                for suffix in ("", "/events"):
                    reply = await here.request("GET", wrong + suffix, X_User=user)
                    assert (reply.status, reply.json["error"]) == (404, "no_task")
            assert here.polls == polls


@pytest.mark.usefixtures("nothing_left")
async def test_signed_task_of_another_process_counts_as_one_of_the_app() -> None:
    async with Simulator(duration=0.3) as server, aiohttp.ClientSession() as browser:
        client = AltcraftClient(server.url, server.token, poll=Constant(0.02))
        altcraft = Altcraft(lambda: client, timeout=0.1, secret=SECRET)
        async with asgi_app(starlette_with_refresh(altcraft)) as url:
            here = Site(server, altcraft, url, browser)
            path = await here.start()
            altcraft._kept.clear()
            stream = parse_events((await here.request("GET", f"{path}/events")).text)
            assert stream[-1].data["task"] == path.removeprefix("/tasks/")
            assert (len(altcraft._kept), len(altcraft._found)) == (1, 0)
