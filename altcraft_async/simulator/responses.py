"""Answers on their way to the caller, whole or damaged."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import hdrs, web

from altcraft_async.simulator import codec
from altcraft_async.simulator.codec import Format
from altcraft_async.simulator.faults import Fault
from altcraft_async.simulator.messages import Answer, refusal

PIECES = 10
"""How many a slow body comes in."""

# A socket that lingers for no time at all is closed by a reset.
_LINGER_NOT = struct.pack("ii", 1, 0)

_PAGE = """<!DOCTYPE html>
<html><head><title>{code}</title></head><body><h1>{code}</h1><p>Not the API</p></body></html>
"""


def respond(answer: Answer, status: int = 200) -> web.Response:
    """Put an answer into HTTP."""
    body, headers = _written(answer)
    return web.Response(status=status, body=body, headers=headers)


def error_page(fault: Fault) -> web.Response:
    """Return the web page that comes instead of an answer."""
    page = _PAGE.format(code=fault.code)
    return web.Response(status=fault.code, text=page, content_type="text/html")


def error_status(fault: Fault, form: Format) -> web.Response:
    """Return an HTTP error, with an envelope for a body."""
    response = respond(refusal(form, fault.code, fault.text), fault.code)
    if fault.retry_after:
        response.headers[hdrs.RETRY_AFTER] = fault.retry_after
    return response


def reset(request: web.Request) -> web.StreamResponse:
    """Reset the connection; what is returned reaches nobody."""
    transport = request.transport
    if transport:
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT
        )
        transport.abort()
    return web.Response()


async def cut(request: web.Request, answer: Answer, status: int) -> web.StreamResponse:
    """Send the headers and half the body, then close the connection."""
    body, headers = _written(answer)
    response = await _begin(request, status, headers, len(body))
    await response.write(body[: len(body) // 2])
    response.force_close()
    return response


async def drip(
    request: web.Request,
    answer: Answer,
    status: int,
    pause: Callable[[], Awaitable[bool]],
) -> web.StreamResponse:
    """Send the body in ten pieces.

    Args:
        request: What is being answered.
        answer: What to send.
        status: HTTP status.
        pause: Waits between the pieces; true when the simulator stops meanwhile.
    """
    body, headers = _written(answer)
    size = -(-len(body) // PIECES)
    response = await _begin(request, status, headers, len(body))
    for start in range(0, len(body), size):
        await response.write(body[start : start + size])
        if await pause():
            return reset(request)
    return response


async def _begin(
    request: web.Request, status: int, headers: Mapping[str, str], length: int
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = length
    await response.prepare(request)
    return response


def _written(answer: Answer) -> tuple[bytes, dict[str, str]]:
    body = codec.write(answer.envelope, answer.form, is_declared=answer.is_declared)
    return body, {hdrs.CONTENT_TYPE: codec.CONTENT_TYPES[answer.form]}
