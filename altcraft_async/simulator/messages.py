"""One request as a value, and the answer to it: all of HTTP that needs no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from altcraft_async.simulator import codec, payloads
from altcraft_async.simulator.codec import Format
from altcraft_async.simulator.faults import Fault
from altcraft_async.simulator.installation import Install
from altcraft_async.simulator.method_call import Request
from altcraft_async.simulator.methods import METHODS, act
from altcraft_async.simulator.parameters import (
    BAD_REQUEST,
    NOT_FOUND,
    UNAUTHORIZED,
    Parameters,
    RefusedError,
)
from altcraft_async.simulator.world import World

PREFIX = "/api/v1.1/"


@dataclass(frozen=True, slots=True)
class Call:
    """One POST.

    Attributes:
        method: API method, for example ``"tasks/status"``; whatever the path says.
        form: Format of the request.
        params: Its parameters without the token.
        token: The one in the body, else the one in the ``Authorization`` header.
        unreadable: Why there are no parameters, ``""`` where there are.
    """

    method: str
    form: Format
    params: Mapping[str, object]
    token: object = None
    unreadable: str = ""

    @property
    def answer_form(self) -> Format:
        """The format that ``format`` names, else that of the request."""
        named = self.params.get("format")
        return named if named in ("json", "xml") else self.form


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform says, before it is put into HTTP.

    Attributes:
        envelope: The whole body as a value.
        form: Format to write it in.
        code: Its ``error``.
        is_declared: Whether it begins with a declaration where it is XML.
    """

    envelope: Mapping[str, object]
    form: Format
    code: int = 0
    is_declared: bool = False


def method_of(path: str) -> str:
    """Return the API method that a path names, with or without a slash at its end."""
    return path.removeprefix(PREFIX).removesuffix("/") if path.startswith(PREFIX) else path


def read_call(method: str, body: bytes, content_type: str, authorization: str = "") -> Call:
    """Read a request as far as it can be read."""
    form = codec.format_of(content_type, body)
    try:
        values = codec.read(body, form)
    except codec.UnreadableError as unreadable:
        return Call(method, form, {}, unreadable=str(unreadable))
    scheme, _, bearer = authorization.partition(" ")
    token = values.pop("token", None) or (bearer if scheme.lower() == "bearer" else None)
    return Call(method, form, values, token)


def answer(
    world: World, call: Call, install: Install, now: float, fault: Fault | None = None
) -> Answer:
    """Let the platform act on a request and say what came of it."""
    parameters = Parameters(call.params, call.form)
    try:
        _check(call, install.token)
        said = act(call.method, Request(world, parameters, now, install, fault))
    except RefusedError as refused:
        return refusal(call.answer_form, refused.code, refused.text)
    return Answer(said, call.answer_form, is_declared=METHODS[call.method].is_declared)


def refusal(form: Format, code: int, text: str) -> Answer:
    """Say no."""
    return Answer(payloads.refused(code, text), form, code)


def _check(call: Call, token: str) -> None:
    if call.method not in METHODS:
        raise RefusedError(NOT_FOUND, "there is no such API method")
    if call.unreadable:
        raise RefusedError(BAD_REQUEST, call.unreadable)
    if call.token != token:
        raise RefusedError(UNAUTHORIZED, "API token required")
    if call.params.get("format", "json") not in ("json", "xml"):
        raise RefusedError(BAD_REQUEST, "parameter 'format' has to be 'json' or 'xml'")
