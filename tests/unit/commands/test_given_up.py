"""An attempt to connect that was given up leaves no lines behind; anything else that nobody waited for is told."""

import asyncio
import logging

import pytest

from listener.logs import concerns_somebody


@pytest.mark.parametrize(("error", "is_told"), [("unexpected connection_lost() call", False), ("a fault", True)])
def test_an_attempt_to_connect_that_was_given_up_is_no_news(
    error: str, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("asyncio")
    logger.addFilter(concerns_somebody)
    loop = asyncio.new_event_loop()
    try:
        future = loop.create_future()
        future.set_exception(ConnectionError(error))
        del future  # as the driver does
    finally:
        loop.close()
        logger.removeFilter(concerns_somebody)
    assert (error in caplog.text) is is_told
