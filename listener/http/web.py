"""The HTTP side: `/livez`, `/readyz`, `/metrics`, and a status page. Never asks the database."""

import contextlib
import socket
from collections.abc import Generator
from functools import partial

import anyio
import anyio.abc
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from listener.http.access import Access
from listener.http.exposition import Exposition
from listener.http.hosts import Doorman, Hosts
from listener.http.page import Page, figures, headline
from listener.http.port import Exchange, Port
from listener.instruments.instruments import Instruments
from listener.instruments.state import Role
from listener.settings import Settings

STALLED_SECONDS = 30.0
"""A loop without progress for so long, beside the time of a statement, is stalled."""

HEAD_BYTES = 16_384


class Server(uvicorn.Server):
    """Uvicorn inside our task group, which leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def application(settings: Settings, access: Access, instruments: Instruments) -> Starlette:
    """The ASGI application, behind its password if there is one."""
    state = instruments.state
    page, rendered = Page(), Exposition(instruments.metrics.registry)
    longest = STALLED_SECONDS + settings.statement_seconds

    async def livez(_request: Request) -> JSONResponse:
        stalled = state.stalled_for()
        if stalled > longest:
            return JSONResponse({"status": "stalled", "seconds": round(stalled, 1)}, 503)
        return JSONResponse({"status": "ok"})

    def problems() -> list[dict[str, object]]:
        return [each.to_dict_for_anybody() for each in state.problems()]

    async def readyz(_request: Request) -> JSONResponse:
        problem = state.why_not_ready()
        if problem is None:
            remarks = {"warning": state.remark(), "paused": state.paused_now(), "problems": problems()}
            return JSONResponse(
                {"status": "ok", "role": state.role} | {name: said for name, said in remarks.items() if said}
            )
        told = {"status": "unavailable", "role": state.role, "reason": problem, "problems": problems()}
        return JSONResponse(told, 503)

    async def landing(_request: Request) -> HTMLResponse:
        return HTMLResponse(page.render(headline(state, longest)), headers=page.headers)

    async def state_json(_request: Request) -> JSONResponse:
        return JSONResponse(figures(state, longest, keys=access.asks))

    async def exposition(request: Request) -> Response:
        text, content_type = rendered.as_accepted(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": content_type})

    def up() -> float:
        return float(state.stalled_for() <= longest and state.role is not Role.STOPPING)

    instruments.metrics.up.set_function(up)
    routes = {
        "/": landing,
        "/state.json": state_json,
        "/livez": livez,
        "/readyz": readyz,
        "/metrics": exposition,
    }
    application = Starlette(
        routes=[Route(path, endpoint) for path, endpoint in routes.items()],
        middleware=[Middleware(Doorman, hosts=Hosts.load(settings)), *access.guards],
    )
    application.router.redirect_slashes = False  # a redirect would lead to whatever the request named as its host
    return application


async def serve(
    settings: Settings,
    access: Access,
    instruments: Instruments,
    listening: socket.socket,
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; `started` once requests are answered."""
    config = uvicorn.Config(
        application(settings, access, instruments),
        http=Exchange,
        ws="none",  # even if installed: a web socket would leave the port's limits
        h11_max_incomplete_event_size=HEAD_BYTES,
        proxy_headers=False,  # a client cannot claim another address
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
            if config.ssl is not None:
                access.contexts.append(config.ssl)
            make = partial(Exchange, config=config, server_state=server.server_state, app_state={})
            tasks.start_soon(Port(listening, config.ssl, make).serve)
            task_status.started()
            await anyio.sleep_forever()
        finally:
            server.should_exit = True
            listening.close()
