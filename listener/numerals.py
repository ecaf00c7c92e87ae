"""Numbers in words."""


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 trigger`, `2 triggers`, `12,000 triggers`. `many` is given where an s is not enough: `counted(count, "student
    waits", "students wait")`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
