"""The columns of a course for price, order and number of enrollments."""

from listener.catalogue import expressions
from listener.catalogue.catalogue import Column, Relation
from listener.catalogue.columns import find_column
from listener.database.connection import Connection
from listener.discovery import vocabulary, wording
from listener.discovery.evidence import Choice
from listener.discovery.states import ranked
from listener.errors import WrongSetting
from listener.mapping.lists import listed
from listener.mapping.mapping import column


def price_of(courses: Relation, asked: dict[str, str]) -> tuple[str | None, Choice]:
    """Raises WrongSetting."""
    name = asked.get("course_price")
    if name is not None:
        choice = Choice("default course", 100, "LISTENER_COURSE_PRICE")
        return None if name == "none" else find_column(courses, name, "course_price").name, choice
    flag = _flag_of_default(courses)
    first = f"{flag.name} says which; else " if flag else ""
    prices = [each for each in ranked(courses, vocabulary.PRICES) if each.is_number]
    prices += [
        each for each in courses.columns.values() if each.is_number and wording.words(each.name)[:1] == ("price",)
    ]
    dated = any(each.is_time for each in ranked(courses, vocabulary.DATES))
    by_key = ", ".join(courses.primary_key) or "key"
    if not prices:
        reason = first + ("no price: the oldest first" if dated else f"neither price nor date: the first by {by_key}")
        if not dated and courses.key is not None and courses.key.family == "uuid":
            reason += ", which is any one (LISTENER_DEFAULT_COURSE or LISTENER_COURSE_ORDER says which)"
        return None, Choice("default course", 70 if dated else 50, reason)
    then = "the oldest" if dated else f"the first by {by_key}"
    return prices[0].name, Choice("default course", 85, f"{first}the cheapest by {prices[0].name}, then {then}")


async def order_of(connection: Connection, courses: Relation, price: str | None, asked: dict[str, str]) -> str:
    """The order as in ORDER BY. Raises WrongSetting."""
    text = asked.get("course_order")
    if text is not None:
        return await expressions.order(connection, courses.table, text, "LISTENER_COURSE_ORDER")
    date = next((each.name for each in ranked(courses, vocabulary.DATES) if each.is_time), None)
    flag = _flag_of_default(courses)
    chosen = [] if flag is None else [f"{column(flag.name)} desc nulls last"]
    return ", ".join([*chosen, *(f"{column(name)} nulls last" for name in (price, date) if name is not None)])


def _flag_of_default(courses: Relation) -> Column | None:
    """The flag by which a school says where new students land."""
    return next((each for each in ranked(courses, vocabulary.DEFAULT_FLAGS) if each.is_boolean), None)


def counts_of(courses: Relation, asked: dict[str, str]) -> tuple[tuple[str, ...], Choice]:
    """Raises WrongSetting."""
    text = asked.get("count_columns")
    if text == "none":
        return (), Choice("counts", 100, "LISTENER_COUNT_COLUMNS")
    if text is not None:
        columns = [find_column(courses, name, "count_columns") for name in listed(text)]
        for each in columns:
            if not each.is_number or each.generated or each.name in courses.primary_key:
                raise WrongSetting(name="LISTENER_COUNT_COLUMNS", problem=f"{each.name} cannot hold a count")
        return tuple(dict.fromkeys(each.name for each in columns)), Choice("counts", 100, "LISTENER_COUNT_COLUMNS")
    found = tuple(
        each.name
        for each in courses.columns.values()
        if each.is_number
        and not each.generated
        and each.default != "generated"
        and vocabulary.COUNT_COLUMN.fullmatch(wording.snake(each.name))
        and courses.reference(each.name) is None
    )
    if not found:
        return (), Choice("counts", 80, "courses have no column for them: they are kept in schema listener")
    return found, Choice("counts", 85, "numbers of that name")
