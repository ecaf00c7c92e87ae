"""A log that cannot be written: lines are dropped and counted, nobody waits, and what is missing is told."""

import os
import time
from collections.abc import Iterator

import pytest

from listener import log_writer
from listener.log_writer import MOST_LINES, LogWriter
from tests.support.postgres import wait_until

MORE_THAN_A_PIPE_HOLDS = 100_000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for each in ends:
        os.close(each)


def test_nobody_waits_for_a_reader_and_what_is_missing_is_told_once_there_is_one(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "TELL_SECONDS", 0.1)
    reader, descriptor = pipe
    writer = LogWriter(descriptor)
    dropped: list[int] = []
    writer.on_drop = dropped.append
    writer.tell = lambda lines: print(f"{lines} are missing", file=writer)
    started = time.monotonic()
    lines = 2 * MOST_LINES
    for number in range(lines):
        writer.write(f"{number} {'x' * 1000}\n")
    assert time.monotonic() - started < 2
    assert writer.dropped > 0
    assert sum(dropped) == writer.dropped
    text = b""
    while b"are missing" not in text:
        text += os.read(reader, MORE_THAN_A_PIPE_HOLDS)
    written = text.decode().splitlines()
    assert written[-1] == f"{writer.dropped} are missing"
    numbers = [int(line.split()[0]) for line in written[:-1]]
    assert numbers == sorted(set(numbers))
    assert len(numbers) + writer.dropped == lines


def test_lines_that_fail_are_counted_and_the_next_ones_are_tried() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    writer = LogWriter(full)
    for number in range(3):
        writer.write(f"{number}\n")
    wait_until(lambda: writer.dropped >= 3, "they are counted")
    reader, descriptor = os.pipe()
    os.dup2(descriptor, full)  # there is room again
    writer.write("4\n")
    writer.finish()
    assert os.read(reader, 100) == b"4\n"
    for each in (full, reader, descriptor):
        os.close(each)


def test_a_stream_that_does_not_wait_is_waited_for_by_the_writer_alone(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    os.set_blocking(descriptor, False)
    writer = LogWriter(descriptor)
    line = "x" * MORE_THAN_A_PIPE_HOLDS
    writer.write(f"{line}\n")
    text = b""
    while not text.endswith(b"\n"):
        text += os.read(reader, MORE_THAN_A_PIPE_HOLDS)
    assert text.decode() == f"{line}\n"
    assert writer.dropped == 0


def test_a_line_is_written_when_it_is_whole(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    writer = LogWriter(descriptor)
    print("a", "b", file=writer)
    writer.write("c")
    writer.finish()
    assert os.read(reader, 100) == b"a b\nc\n"
