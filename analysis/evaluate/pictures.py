"""The scorecard as pictures: SVG written by hand, so that the same figures give the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from analysis.evaluate.calibration import Question
from analysis.report.appearance import LOOK, LOOK_OF_CAUSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.evaluate.calibration import Calibration
    from analysis.evaluate.intervals import Figure
    from analysis.evaluate.scorecard import Scorecard

WIDTH, ROW, LEFT, RIGHT, TOP = 760, 26, 270, 110, 48
INK, FAINT, OURS_FILL, OTHER_FILL = "#1d2126", "#c9ced4", "#2b5a51", "#8f98a3"
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'


def pictures(card: Scorecard) -> dict[str, str]:
    """Give every picture by the name of its file."""
    methods = card.methods
    return {
        "reliability.svg": _reliability(*card.calibration[Question.RIGHT.value]),
        "recall-by-cause.svg": _bars(
            "Recall by cause, all mechanisms; what is left undetermined apart",
            [(cause, one.recall, LOOK[LOOK_OF_CAUSE[cause]].fill) for cause, one in card.causes.items()],
            1.0,
        ),
        "false-accusations.svg": _bars(
            "Falsely accused, of 1,000 episodes of damage",
            [(name, one.false_per_1000, _fill(name)) for name, one in methods.items()],
            1000.0,
        ),
        "f1-of-methods.svg": _bars(
            "F1 on the same data: does somebody act on this target, seen from here?",
            [(name, one.f1, _fill(name)) for name, one in methods.items()],
            1.0,
        ),
    }


def _fill(name: str) -> str:
    return OURS_FILL if name == "nameblind" else OTHER_FILL


def _bars(title: str, rows: Sequence[tuple[str, Figure, str]], most: float) -> str:
    """Draw one bar a row, with its interval as a line."""
    plot = WIDTH - LEFT - RIGHT
    parts = [_text(12, 24, title, weight="bold")]
    for number, (name, figure, fill) in enumerate(rows):
        y = TOP + number * ROW
        parts.append(_text(LEFT - 8, y + 15, name, anchor="end"))
        if figure.value is None:
            parts.append(_text(LEFT + 4, y + 15, "nothing to count"))
            continue
        length = plot * figure.value / most
        parts.append(
            f'<rect x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="{ROW - 10}" fill="{fill}" stroke="{INK}" '
            'stroke-width="0.5"/>'
        )
        if figure.low is not None and figure.high is not None:
            low, high, middle = (LEFT + plot * figure.low / most, LEFT + plot * figure.high / most, y + ROW / 2 - 2)
            parts.append(_line(low, middle, high, middle))
            parts += [_line(x, middle - 4, x, middle + 4) for x in (low, high)]
        shown = f"{figure.value:.3f}" if most <= 1.0 else f"{figure.value:.1f}"
        parts.append(_text(LEFT + plot + 10, y + 15, shown))
    height = TOP + len(rows) * ROW + 16
    parts.append(_line(LEFT, TOP, LEFT, height - 16, FAINT))
    return _svg(title, height, parts)


def _reliability(known: Calibration, held_out: Calibration) -> str:
    """Draw what was said against what was true; on the diagonal a probability can be taken at its word."""
    side, left, top = 380, 90, 56
    title = "Reliability: probability that the named cause is right, against the share in which it was"

    def place(said: float, true: float) -> tuple[float, float]:
        return left + side * said, top + side * (1.0 - true)

    parts = [_text(12, 24, title, weight="bold"), _line(left, top + side, left + side, top, FAINT)]
    parts.append(
        f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="{INK}" stroke-width="1"/>'
    )
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = place(tick, tick)
        parts += [
            _text(x, top + side + 18, f"{tick:g}", anchor="middle"),
            _text(left - 8, y + 4, f"{tick:g}", anchor="end"),
        ]
    for row, (name, one, shape) in enumerate(
        (("other halves of known mechanisms", known, "circle"), ("held-out mechanisms", held_out, "square"))
    ):
        points = [(*place(b.said, b.true), 3.0 + min(b.claims, 400) / 60.0) for b in one.bins]
        fill = OTHER_FILL if shape == "circle" else OURS_FILL
        parts += [_mark(x, y, size, shape, fill) for x, y, size in points]
        parts.append(_mark(left + side + 30, top + 20 + 26 * row, 6, shape, fill))
        parts.append(_text(left + side + 44, top + 24 + 26 * row, name))
    parts.append(_text(left + side / 2, top + side + 38, "said", anchor="middle"))
    parts.append(_text(left - 60, top + side / 2, "true"))
    return _svg(title, top + side + 56, parts)


def _mark(x: float, y: float, size: float, shape: str, fill: str) -> str:
    look = f'fill="{fill}" fill-opacity="0.7" stroke="{INK}" stroke-width="0.5"'
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" {look}/>'
    return f'<rect x="{x - size:.1f}" y="{y - size:.1f}" width="{2 * size:.1f}" height="{2 * size:.1f}" {look}/>'


def _line(x1: float, y1: float, x2: float, y2: float, ink: str = INK) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{ink}" stroke-width="1.5"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    look = f'text-anchor="{anchor}" font-weight="{weight}" fill="{INK}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(text)}</text>'


def _svg(title: str, height: float, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" {_FONT}>\n'
        f'<title>{escape(title)}</title>\n<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )
