"""Python's own collection of garbage does not look at all schools again and again."""

import gc
from pathlib import Path

import anyio
import structlog

from listener.fleet.fleet import Fleet
from listener.fleet.folder import Folder
from listener.instruments.spans import Spans
from listener.settings import load


def test_what_lives_once_each_school_was_tried_is_left_alone_by_later_collections(tmp_path: Path) -> None:
    fleet = Fleet(Folder(tmp_path), load({"fleet": str(tmp_path)}), structlog.get_logger(), Spans(), keys=False)

    async def run() -> int:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fleet.run)
            with anyio.fail_after(10):
                while not fleet.has_tried:
                    await anyio.lowlevel.checkpoint()
            fleet.stop()
        return gc.get_freeze_count()

    gc.unfreeze()
    try:
        assert anyio.run(run) > 0
    finally:
        gc.unfreeze()
