"""What keeps an adapter from working, as people read it."""

MEND = "run `listener install`"


def describe(problem: dict[str, str]) -> str:
    """One problem, and what to do about it, in a line."""
    setting = f" with {problem['setting']} set to what is there now" if problem["setting"] else ""
    return f"{problem['problem']}: {MEND}{setting}"
