"""A fleet's port: all schools at a glance, and each one's own paths below `/schools/NAME`."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from listener.build import VERSION
from listener.fleet.exposition import FleetExposition
from listener.fleet.fleet import Fleet
from listener.fleet.school import School
from listener.http.access import Access
from listener.http.page import Headline, Mood, Page, headline
from listener.http.web import served
from listener.instruments.metrics import FleetMetrics
from listener.instruments.state import Role
from listener.numerals import counted
from listener.reasons import told_to_anybody
from listener.settings import Settings

MOODS = ("bad", "warning", "idle", "good")
"""The worst first."""

STATES = (*(role.value for role in Role), "wrong")


def metrics_of(fleet: Fleet) -> FleetMetrics:
    return FleetMetrics(STATES, partial(_count, fleet))


def _count(fleet: Fleet, state: str) -> int:
    if state == "wrong":
        return len(fleet.wrong)
    return sum(each.state.role == state for each in fleet.schools.values())


def application(settings: Settings, access: Access, fleet: Fleet, metrics: FleetMetrics) -> Starlette:
    """The ASGI application, behind its password if there is one."""
    page = Page(Path(__file__).parent / "page.html")
    exposition = FleetExposition(metrics.registry, lambda: fleet.schools.values())

    async def livez(_request: Request) -> JSONResponse:
        """A school whose loop stands still is begun again: the others need this process."""
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> JSONResponse:
        told: dict[str, Any] = {"schools": len(fleet.schools)}
        if fleet.unreadable is not None:
            told["folder"] = "the fleet's folder cannot be read; the log says why"
        not_ready = dict(_not_ready(fleet))
        told["not_ready"] = not_ready if not access.asks else len(not_ready)
        if fleet.stopping() or not fleet.has_tried:
            told = {"status": "unavailable", "reason": "stopping" if fleet.stopping() else "starting"} | told
            return JSONResponse(told, 503)
        return JSONResponse({"status": "ok"} | told)

    async def landing(_request: Request) -> HTMLResponse:
        return HTMLResponse(page.render(_headline(fleet)), headers=page.headers)

    async def state_json(_request: Request) -> JSONResponse:
        head = asdict(_headline(fleet))
        return JSONResponse({"version": VERSION, "now": time.time(), "headline": head, "schools": _listed(fleet)})

    async def all_metrics(request: Request) -> Response:
        text, content_type = await exposition.as_accepted(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": content_type})

    async def of_school(request: Request) -> Response:
        school = fleet.schools.get(request.path_params["school"])
        endpoint = None if school is None else school.paths.get(f"/{request.path_params['path']}")
        if endpoint is None:
            return PlainTextResponse("Not Found", 404)
        return await endpoint(request)

    paths = {
        "/": landing,
        "/state.json": state_json,
        "/livez": livez,
        "/readyz": readyz,
        "/metrics": all_metrics,
        "/schools/{school}/{path:path}": of_school,
    }
    return served(paths, settings, access)


def _not_ready(fleet: Fleet) -> Iterator[tuple[str, str]]:
    for name in sorted({*fleet.schools, *fleet.wrong}):
        school = fleet.schools.get(name)
        problem = told_to_anybody(fleet.wrong[name]) if school is None else school.state.why_not_ready()
        if problem is not None:
            yield name, problem


def _headline(fleet: Fleet) -> Headline:
    if fleet.stopping():
        return Headline("warning", "Stopping", "Changes wait in each school's feed for the next daemon.")
    if fleet.unreadable is not None:
        return Headline("bad", "The folder cannot be read", "All schools go on as before. The log says why.")
    if not fleet.has_tried:
        return Headline("warning", "Starting", "Not every school has been tried yet.")
    moods = [each["mood"] for each in _listed(fleet)]
    troubled = sum(mood in ("bad", "warning") for mood in moods)
    if not moods:
        return Headline("idle", "No schools", "A school is a file NAME.env in the folder that LISTENER_FLEET names.")
    if not troubled:
        return Headline("good", f"{counted(len(moods), 'school')}, all well")
    mood: Mood = "bad" if "bad" in moods else "warning"
    return Headline(mood, f"{counted(len(moods), 'school')}, {troubled} in trouble", "The troubled come first.")


def _listed(fleet: Fleet) -> list[dict[str, Any]]:
    """The troubled first."""
    found = [_school(each, fleet) for each in fleet.schools.values()]
    for name in fleet.wrong.keys() - fleet.schools.keys():
        said = Headline("bad", "Not served", f"{told_to_anybody(fleet.wrong[name])}.")
        found.append({"name": name, "role": None, "backlog": None, "waiting": None} | asdict(said))
    return sorted(found, key=lambda each: (MOODS.index(each["mood"]), each["name"]))


def _school(school: School, fleet: Fleet) -> dict[str, Any]:
    said = headline(school.state, school.longest_stall)
    if school.name in fleet.wrong:
        told = told_to_anybody(fleet.wrong[school.name])
        said = Headline("bad", f"{said.text}; its file is wrong now", f"{told}. It goes on as before.")
    sample = school.state.sample if school.state.role is Role.LEADING else None
    return {
        "name": school.name,
        "role": school.state.role,
        "backlog": None if sample is None else sample.backlog,
        "waiting": None if sample is None else sum(sample.pending_students.values()),
    } | asdict(said)
