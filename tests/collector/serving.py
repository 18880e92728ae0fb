"""A collector on loopback, as a fleet would meet it."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from collector.app import app_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collector.service import Service


@contextmanager
def serving(service: Service, around: Callable[[Any], Any] = lambda app: app) -> Iterator[str]:
    """Serve in a thread; give the address. ``around`` may stand between the network and the application."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(around(app_of(service)), log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


def loses_answers(times: int) -> Callable[[Any], Any]:
    """Commit, and lose the answer to so many batches."""

    def around(app: Any) -> Any:
        left = [times]

        async def lossy(scope: Any, receive: Any, send: Any) -> None:
            is_lost = scope.get("path") == "/v1/batches" and left[0] > 0

            async def nowhere(message: Any) -> None:
                del message

            await app(scope, receive, nowhere if is_lost else send)
            if is_lost:
                left[0] -= 1
                await send({"type": "http.response.start", "status": 502, "headers": []})
                await send({"type": "http.response.body", "body": b""})

        return lossy

    return around
