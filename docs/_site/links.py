"""Links of a page that leave `docs/` lead to a file of the repository: on the site such a file is named, not linked."""

import re
from pathlib import PurePosixPath
from typing import Any

LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_rest: Any) -> str:
    """What MkDocs calls for each page, before it looks at the page's links."""
    folder = PurePosixPath("docs", page.file.src_uri).parent

    def named(link: re.Match[str]) -> str:
        parts: list[str] = []
        for part in (folder / link[2]).parts:
            parts.pop() if part == ".." else parts.append(part)
        path = "/".join(parts)
        return link[0] if parts[0] == "docs" else f"{link[1]} (`{path}` in the repository)"

    return LINK.sub(named, markdown)
