"""Web apps on real sockets: ASGI apps by uvicorn, aiohttp's by its own runner."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import uvicorn
from aiohttp import web


@asynccontextmanager
async def asgi_app(
    app: Callable[..., object], *, port: int = 0, root_path: str = ""
) -> AsyncGenerator[str, None]:
    """Serve an ASGI app in the running loop, by default on a free port; yield its address."""
    # asyncio turns off Nagle's algorithm, which costs 0.04 s a response, only if TCP is named.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=1,
            root_path=root_path,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            # Who connects before it has started waits in the queue of the socket.
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def aiohttp_app(app: web.Application) -> AsyncGenerator[str, None]:
    """Serve an app of aiohttp's in the running loop; yield its address."""
    # By default it goes on for ten seconds to read a body that nobody wants any more.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, lingering_time=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
