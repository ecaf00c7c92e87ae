"""The HTTP side: `/livez`, `/readyz`, `/metrics`, and a status page. It never asks the database."""

import contextlib
import socket
from collections.abc import Generator
from functools import partial

import anyio
import anyio.abc
import uvicorn
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from listener.monitor.http_access import Access
from listener.monitor.metrics import Metrics
from listener.monitor.page import Page, figures, headline
from listener.monitor.port import Exchange, Port
from listener.monitor.state import Role, State
from listener.settings import Settings

STALLED_SECONDS = 30.0
"""A loop without progress for this long, and for as long as one statement may take, is stalled."""


class Server(uvicorn.Server):
    """Uvicorn inside our task group: the signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the process's signals alone."""
        yield


def application(settings: Settings, access: Access, metrics: Metrics, state: State) -> ASGIApp:
    """The ASGI application, behind its password if there is one."""
    page = Page()
    longest = STALLED_SECONDS + settings.statement_seconds

    async def livez(_request: Request) -> JSONResponse:
        stalled = state.stalled_for()
        if stalled > longest:
            return JSONResponse({"status": "stalled", "seconds": round(stalled, 1)}, 503)
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> JSONResponse:
        problem = state.why_not_ready()
        if problem is None:
            remarks = {"warning": state.warning, "paused": state.paused_now()}
            return JSONResponse(
                {"status": "ok", "role": state.role} | {name: said for name, said in remarks.items() if said}
            )
        return JSONResponse({"status": "unavailable", "role": state.role, "reason": problem}, 503)

    async def landing(_request: Request) -> HTMLResponse:
        return HTMLResponse(page.render(headline(state, longest)), headers=page.headers)

    async def state_json(_request: Request) -> JSONResponse:
        return JSONResponse(figures(state, longest, keys=access.asks), headers={"Cache-Control": "no-store"})

    async def exposition(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), headers={"content-type": content_type})

    def up() -> float:
        return float(state.stalled_for() <= longest and state.role is not Role.STOPPING)

    metrics.up.set_function(up)
    routes = {
        "/": landing,
        "/state.json": state_json,
        "/livez": livez,
        "/readyz": readyz,
        "/metrics": exposition,
    }
    return access.guard(Starlette(routes=[Route(path, endpoint) for path, endpoint in routes.items()]))


async def serve(
    settings: Settings,
    access: Access,
    metrics: Metrics,
    state: State,
    listening: socket.socket,
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; `started` once requests are answered."""
    config = uvicorn.Config(
        application(settings, access, metrics, state),
        http=Exchange,
        ssl_certfile=access.certificate,
        ssl_keyfile=access.key,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [])
        try:
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await anyio.sleep(0.01)
            make = partial(Exchange, config=config, server_state=server.server_state, app_state={})
            tasks.start_soon(Port(listening, config.ssl, make).serve)
            task_status.started()
            await anyio.sleep_forever()
        finally:
            server.should_exit = True
            listening.close()
