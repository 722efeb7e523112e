"""Charts as SVG, drawn here: they print, work without script, and take light and dark from CSS classes.

The plot is a nested SVG stretched to its box, the labels are text beside it that never stretches. Whoever shows a
chart shows the same numbers as a table with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

GRID_LINES = 4
MAX_LABELS = 8


@dataclass(frozen=True)
class Line:
    """One line: its name, the CSS class that colours it, and a value for each slot from the first on."""

    name: str
    css_class: str
    values: Sequence[int]


def round_up(value: int) -> int:
    """Return the top of an axis for ``value``: four steps of 1, 2, 3 or 5 times a power of ten."""
    magnitude = 1
    while True:
        for step in (1, 2, 3, 5):
            if GRID_LINES * step * magnitude >= value:
                return GRID_LINES * step * magnitude
        magnitude *= 10


def line_chart(
    *,
    element_id: str,
    title: str,
    description: str,
    labels: Sequence[str],
    lines: Sequence[Line],
    write_number: Callable[[int], str] = str,
) -> str:
    """Return a line chart with one slot per label as an ``<svg>`` element.

    ``lines`` may be shorter than ``labels`` (the rest has not happened yet). ``title`` and ``description`` are what a
    screen reader says; everything is escaped.
    """
    top = round_up(max((value for line in lines for value in line.values), default=0))
    grid = "".join(_grid_line(step, top, write_number) for step in range(GRID_LINES + 1))
    drawn = "".join(_area(line, top, len(labels)) for line in lines) + "".join(
        _stroke(line, top, len(labels)) for line in lines
    )
    return (
        f'<svg class="chart" role="img" aria-labelledby="{escape(element_id)}-title {escape(element_id)}-text">'
        f'<title id="{escape(element_id)}-title">{escape(title)}</title>'
        f'<desc id="{escape(element_id)}-text">{escape(description)}</desc>'
        f'<g class="chart-grid">{grid}</g>'
        f'<svg class="chart-plot" viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%" height="88%">'
        f'{drawn}</svg><g class="chart-labels">{_labels(labels)}</g></svg>'
    )


def share_bar(share: float) -> str:
    """Return a bar filled to ``share`` (0 to 1), for beside a number that says the same."""
    percent = round(max(0.0, min(1.0, share)) * 100, 1)
    return (
        '<svg class="share-bar" aria-hidden="true" focusable="false">'
        '<rect class="share-bar-all" width="100%" height="100%" rx="3"/>'
        f'<rect class="share-bar-part" width="{percent}%" height="100%" rx="3"/></svg>'
    )


def _grid_line(step: int, top: int, write_number: Callable[[int], str]) -> str:
    y = f"{88 * (1 - step / GRID_LINES):g}%"
    number = escape(write_number(top * step // GRID_LINES))
    return (
        f'<line x1="0" x2="100%" y1="{y}" y2="{y}"/>'
        f'<text class="chart-number" x="0" y="{y}" dx="-8" dy="4" text-anchor="end">{number}</text>'
    )


def _x(slot: int, slots: int) -> float:
    return 0.0 if slots < 2 else slot * 1000 / (slots - 1)


def _points(line: Line, top: int, slots: int) -> list[tuple[float, float]]:
    return [(_x(slot, slots), 1000 - 1000 * value / top) for slot, value in enumerate(line.values[:slots])]


def _write(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _area(line: Line, top: int, slots: int) -> str:
    points = _points(line, top, slots)
    if len(points) < 2:
        return ""
    closed = [(points[0][0], 1000.0), *points, (points[-1][0], 1000.0)]
    return f'<polygon class="chart-area {escape(line.css_class)}" points="{_write(closed)}"/>'


def _stroke(line: Line, top: int, slots: int) -> str:
    """A lone value is drawn as a short level line, since a line of one point shows nothing."""
    points = _points(line, top, slots)
    if len(points) == 1:
        points = [points[0], (points[0][0] + 500 / max(slots, 1), points[0][1])]
    return f'<polyline class="chart-line {escape(line.css_class)}" points="{_write(points)}"/>'


def _labels(labels: Sequence[str]) -> str:
    """Every n-th label; every second of those gives way on a phone."""
    every = max(1, -(-len(labels) // MAX_LABELS))
    return "".join(
        f'<text class="{"chart-minor" if slot // every % 2 else "chart-major"}" x="{_x(slot, len(labels)) / 10:.2f}%" '
        f'y="100%" dy="-4" text-anchor="{"start" if slot == 0 else "middle"}">{escape(label)}</text>'
        for slot, label in enumerate(labels)
        if slot % every == 0
    )
