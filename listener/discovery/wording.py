"""How names and values are compared with the vocabulary: without accents, capitals, and the ends of plurals."""

import re
import unicodedata
from difflib import SequenceMatcher
from functools import cache

NEUTRAL = frozenset({"app", "lms", "tbl", "table", "public", "the", "all", "data", "info", "auth", "core"})


@cache
def fold(text: str) -> str:
    """In lower case, without accents."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold().strip()


@cache
def snake(name: str) -> str:
    return fold(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).replace("-", "_").replace(" ", "_")


@cache
def words(name: str) -> tuple[str, ...]:
    """The words of a name, in the singular. (A large schema asks for the same ones tens of thousands of times.)"""
    spelled = re.sub(
        r"(?<![a-z])([a-z])_(?=[a-z](?![a-z]))", r"\1", snake(name)
    )  # `enable_a_p_i_key`, as Payload writes
    parts = [part for part in re.split(r"[_\d]+", spelled) if part]
    return tuple(
        part[:-1] if len(part) > 3 and part.endswith("s") and not part.endswith("ss") else part for part in parts
    )


def all_among(name: str, vocabulary: frozenset[str]) -> bool:
    """Whether a name is made of words from `vocabulary` alone."""
    said = [word for word in words(name) if word not in NEUTRAL]
    return bool(said) and all(word in vocabulary for word in said)


def says(name: str, vocabulary: frozenset[str]) -> bool:
    """Whether a name has a word from `vocabulary`."""
    return any(word in vocabulary for word in words(name))


def rank(name: str, names: tuple[str, ...]) -> int | None:
    """The place of a column's name in a list of names."""
    plain = snake(name).replace("_", "")
    bare = [each.replace("_", "") for each in names]
    written_out = plain.replace("oe", "o").replace("ae", "a").replace("ue", "u")  # `geloescht`, for `gelöscht`
    return next((bare.index(each) for each in (plain, written_out) if each in bare), None)


def alike(value: str, wanted: tuple[str, ...]) -> bool:
    """Whether a value is a wanted value with a typing error. (A value that ends with a wanted value may be the
    contrary: `inactive`.)"""
    plain = fold(value)
    return any(not plain.endswith(word) and SequenceMatcher(None, plain, word).ratio() >= 0.8 for word in wanted)


def matching(known: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Values for the first found of `wanted`, in every spelling."""
    for word in wanted:
        found = tuple(value for value in known if fold(value) == word)
        if found:
            return found
    return ()
