"""Bar charts as SVG text: no library, no scripts, and colours that can be read on light and on dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.measure import Spread

TEXT, LINE = "#6e7781", "#8c959f"
COLOURS = ("#3a86c8", "#d9822b", "#2da44e")
WIDTH, LABELS, RIGHT = 860, 330, 150
BAR, GAP, HEAD, FOOT = 13, 12, 62, 14
STYLE = f"font-family='-apple-system,Segoe UI,Helvetica,Arial,sans-serif' font-size='12' fill='{TEXT}'"


@dataclass(frozen=True)
class Group:
    """Bars that share a label."""

    label: str
    bars: tuple[Spread | None, ...]
    """One for each series; None where nothing was measured."""
    note: str = ""
    """Told beside the bars."""


def chart(
    title: str, series: Sequence[str], groups: Sequence[Group], *, unit: str = "", mark: float | None = None
) -> str:
    """Horizontal bars of medians, with a line from the least to the most; `mark` draws a line where a figure would be
    just as good."""
    most = max([bar.most for group in groups for bar in group.bars if bar is not None] + ([mark] if mark else []))
    scale = (WIDTH - LABELS - RIGHT) / most
    parts = []
    top = HEAD
    for group in groups:
        height = BAR * len(group.bars)
        middle = top + height / 2 + 4
        parts.append(f"<text x='{LABELS - 8}' y='{middle:.0f}' text-anchor='end'>{escape(group.label)}</text>")
        for number, bar in enumerate(group.bars):
            if bar is not None:
                parts += _bar(bar, top + number * BAR, COLOURS[number % len(COLOURS)], scale, unit)
        if group.note:
            parts.append(f"<text x='{WIDTH - 4}' y='{middle:.0f}' text-anchor='end'>{escape(group.note)}</text>")
        top += height + GAP
    if mark:
        x = LABELS + mark * scale
        ends = f"x1='{x:.1f}' y1='{HEAD - 6}' x2='{x:.1f}' y2='{top - GAP + 6}'"
        parts.append(f"<line {ends} stroke='{LINE}' stroke-dasharray='3 3'/>")
    height = top + FOOT
    size = f"viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}'"
    name = escape(title, {"'": "&apos;"})
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' {size} role='img' aria-label='{name}' {STYLE}>",
        f"<text x='8' y='20' font-size='14' font-weight='600'>{escape(title)}</text>",
        *_legend(series),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend(series: Sequence[str]) -> list[str]:
    parts, left = [], LABELS
    for number, name in enumerate(series):
        parts.append(f"<rect x='{left}' y='32' width='10' height='10' fill='{COLOURS[number % len(COLOURS)]}'/>")
        parts.append(f"<text x='{left + 15}' y='41'>{escape(name)}</text>")
        left += 35 + 7 * len(name)
    return parts


def _bar(bar: Spread, top: float, colour: str, scale: float, unit: str) -> list[str]:
    middle = top + BAR / 2 - 0.5
    low, high = (LABELS + value * scale for value in (bar.least, bar.most))
    text = f"{bar.median:,.0f}" if bar.median >= 100 else f"{bar.median:.3g}"
    return [
        f"<rect x='{LABELS}' y='{top}' width='{bar.median * scale:.1f}' height='{BAR - 2}' fill='{colour}'/>",
        f"<line x1='{low:.1f}' y1='{middle}' x2='{high:.1f}' y2='{middle}' stroke='{LINE}' stroke-width='1.5'/>",
        f"<text x='{high + 6:.1f}' y='{middle + 4}' font-size='11'>{text}{f' {unit}' if unit else ''}</text>",
    ]
