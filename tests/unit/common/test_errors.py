"""An error's docstring is its message: one line that says what to do."""

import inspect

import pytest

from listener import errors
from listener.errors import ListenerError, Questions, UnknownProfile, UnknownSetting, WrongVersion

ALL = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, ListenerError)]


def test_details_are_filled_in() -> None:
    error = WrongVersion(installed=3, needed=2, mend="update this program")
    assert str(error) == "schema `listener` is version 3, this program needs version 2: update this program."
    assert error.details["installed"] == 3


def test_details_with_braces_stay_as_they_are() -> None:
    assert str(UnknownSetting(name="{x}", hint="")).startswith("{x} is not a setting")


class Details(dict[str, object]):
    """Something for every name; a number, so that any format fits."""

    def __missing__(self, key: str) -> object:
        return 1


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_message_is_one_line_that_its_details_fill(kind: type[ListenerError]) -> None:
    message = " ".join(inspect.cleandoc(kind.__doc__ or "").split()).format_map(Details())
    assert message
    assert "{" not in message
    assert kind.exit_status in {1, 2, 75}


def test_a_detail_that_somebody_gave_is_cut() -> None:
    error = UnknownProfile(profile="x" * 6_000, key="id", table="public.profiles")
    assert len(str(error)) < 1_200
    assert str(error).endswith("is that.")
    assert error.details["profile"] == "x" * 6_000


def test_several_questions_are_a_line_each() -> None:
    error = Questions(["1. which?", "2. who\nelse?"], lasts=False)
    assert error.lines == ["2 things cannot be told; nothing is changed until they are.", "1. which?", "2. who\nelse?"]
    assert UnknownSetting(name="x", hint="").lines == [str(UnknownSetting(name="x", hint=""))]
