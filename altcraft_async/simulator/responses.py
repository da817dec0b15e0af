"""HTTP responses, whole or damaged by a fault."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import hdrs, web

from altcraft_async.simulator import codec
from altcraft_async.simulator.codec import Format
from altcraft_async.simulator.faults import Fault
from altcraft_async.simulator.messages import ApiResponse, refusal

PIECES = 10
"""Number of pieces of a slow body."""

# SO_LINGER on, with 0 seconds: closing the socket resets the connection.
_NO_LINGER = struct.pack("ii", 1, 0)

_PAGE = """<!DOCTYPE html>
<html><head><title>{code}</title></head><body><h1>{code}</h1><p>Not the API</p></body></html>
"""


def whole(response: ApiResponse, status: int = 200) -> web.Response:
    """Put a response into HTTP."""
    body, headers = _body_and_headers(response)
    return web.Response(status=status, body=body, headers=headers)


def error_page(fault: Fault) -> web.Response:
    """Return a web page in place of a response of the API."""
    page = _PAGE.format(code=fault.code)
    return web.Response(status=fault.code, text=page, content_type="text/html")


def error_status(fault: Fault, wire_format: Format) -> web.Response:
    """Return an HTTP error with an envelope as its body."""
    response = whole(refusal(wire_format, fault.code, fault.text), fault.code)
    if fault.retry_after:
        response.headers[hdrs.RETRY_AFTER] = fault.retry_after
    return response


def reset(request: web.Request) -> web.StreamResponse:
    """Reset the connection; the returned response satisfies aiohttp and is never sent."""
    transport = request.transport
    if transport:
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER
        )
        transport.abort()
    return web.Response()


async def cut(request: web.Request, response: ApiResponse, status: int) -> web.StreamResponse:
    """Send the headers and half of the body, then close the connection."""
    body, headers = _body_and_headers(response)
    stream = await _begin(request, status, headers, len(body))
    await stream.write(body[: len(body) // 2])
    stream.force_close()
    return stream


async def slow(
    request: web.Request,
    response: ApiResponse,
    status: int,
    wait: Callable[[], Awaitable[bool]],
) -> web.StreamResponse:
    """Send the body in pieces.

    Args:
        request: The request.
        response: Its response.
        status: HTTP status.
        wait: Waits after each piece; returns whether the simulator is stopping.
    """
    body, headers = _body_and_headers(response)
    size = -(-len(body) // PIECES)
    stream = await _begin(request, status, headers, len(body))
    for start in range(0, len(body), size):
        await stream.write(body[start : start + size])
        if await wait():
            return reset(request)
    return stream


async def _begin(
    request: web.Request, status: int, headers: Mapping[str, str], length: int
) -> web.StreamResponse:
    stream = web.StreamResponse(status=status, headers=headers)
    stream.content_length = length
    await stream.prepare(request)
    return stream


def _body_and_headers(response: ApiResponse) -> tuple[bytes, dict[str, str]]:
    body = codec.write(response.envelope, response.format, xml_declaration=response.xml_declaration)
    return body, {hdrs.CONTENT_TYPE: codec.CONTENT_TYPES[response.format]}
