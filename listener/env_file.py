"""A `.env` file beside which an app's own settings may stand: a line about ours that sets nothing is a mistake."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dotenv.main
from dotenv.parser import parse_stream

from listener.errors import WrongFile


@contextmanager
def without_warnings() -> Iterator[None]:
    """While dotenv reads the file, which would warn of lines of others."""
    logger = logging.getLogger(dotenv.main.__name__)
    was, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was


def names(file: Path, prefix: str) -> list[str]:
    """All names that the file sets. Raises WrongFile for a line with `prefix` that is no NAME=value; other lines may be
    as they like."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        return []
    except OSError as error:
        raise WrongFile(file=file, problem=f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise WrongFile(file=file, problem="is not text in UTF-8") from None
    found = []
    for line in parse_stream(io.StringIO(text)):
        if prefix in line.original.string and (line.error or (line.key is not None and line.value is None)):
            raise WrongFile(file=file, problem=f"line {line.original.line} is no NAME=value")
        if line.key is not None:
            found.append(line.key)
    return found
