"""How each state looks: one letter, one colour for each of a light and a dark page, one pattern.

The one place for it, for reports and for whatever else draws states. Three signs carry the same message, so
that it survives colour blindness (hues after Okabe and Ito, 2008), grey print (lightness differs between the
states that matter most) and a printer that drops backgrounds (the letter). The words stand in the catalogues.
"""

from __future__ import annotations

from dataclasses import dataclass

PATTERNS = {
    "rising": "M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2",
    "falling": "M-1,5 l2,2 M0,0 l6,6 M5,-1 l2,2",
    "crossed": "M0,6 l6,-6 M0,0 l6,6",
    "level": "M0,1.5 h6 M0,4.5 h6",
    "upright": "M1.5,0 v6 M4.5,0 v6",
    "dotted": "M1.5,1.5 h0.01 M4.5,4.5 h0.01",
    "waved": "M0,4.5 l3,-3 l3,3",
    "squared": "M1.5,1.5 h3 v3 h-3 z",
}
"""SVG path data of one tile of 6 by 6 units, to be stroked in the state's ink."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The looks of one state. Colours are ``#rrggbb``; ``ink`` is legible on ``fill``."""

    state: str
    letter: str
    fill: str
    ink: str
    dark_fill: str
    dark_ink: str
    pattern: str | None = None


LOOKS: tuple[Look, ...] = (
    Look(state="blocked", letter="B", fill="#b3321b", ink="#ffffff", dark_fill="#e8694c", dark_ink="#1c0a05"),
    Look(
        state="tampered",
        letter="T",
        fill="#d9a7cb",
        ink="#4a1440",
        dark_fill="#8d4f7e",
        dark_ink="#ffe9f9",
        pattern="crossed",
    ),
    Look(
        state="throttled",
        letter="R",
        fill="#a4d0ee",
        ink="#0b3f63",
        dark_fill="#2f6f9b",
        dark_ink="#e6f4ff",
        pattern="level",
    ),
    Look(
        state="withheld",
        letter="W",
        fill="#3b69ad",
        ink="#ffffff",
        dark_fill="#83a9e6",
        dark_ink="#081a35",
        pattern="dotted",
    ),
    Look(
        state="suspected",
        letter="S",
        fill="#f3bd55",
        ink="#563700",
        dark_fill="#b67d18",
        dark_ink="#1f1300",
        pattern="rising",
    ),
    Look(state="dark", letter="D", fill="#1d2126", ink="#ffffff", dark_fill="#000000", dark_ink="#f2f4f6"),
    Look(
        state="down",
        letter="F",
        fill="#b4b9bf",
        ink="#24282c",
        dark_fill="#666d75",
        dark_ink="#ffffff",
        pattern="upright",
    ),
    Look(
        state="local",
        letter="L",
        fill="#efe6a6",
        ink="#574d00",
        dark_fill="#5d5628",
        dark_ink="#fdf5c0",
        pattern="falling",
    ),
    Look(
        state="insufficient",
        letter="?",
        fill="#ffffff",
        ink="#59616a",
        dark_fill="#1b1f23",
        dark_ink="#aab3bd",
        pattern="dotted",
    ),
    Look(state="ok", letter="O", fill="#d3e9e3", ink="#2b5a51", dark_fill="#1f4039", dark_ink="#a5d2c6"),
)
"""Every state, in the order in which a summary speaks of them."""

CAUSE_LOOKS: tuple[Look, ...] = (
    Look(
        state="shutdown",
        letter="X",
        fill="#5b3a8e",
        ink="#ffffff",
        dark_fill="#c3a6f2",
        dark_ink="#21103d",
        pattern="waved",
    ),
    Look(
        state="damage",
        letter="K",
        fill="#dfc3a1",
        ink="#4a2c07",
        dark_fill="#7a5a35",
        dark_ink="#fff1dd",
        pattern="squared",
    ),
)
"""Causes of a darkness that no single measurement shows: only the picture of a whole event has them."""

LOOK = {look.state: look for look in (*LOOKS, *CAUSE_LOOKS)}

GAPS = ("missed", "unheard", "unmeasured", "unjudged")
"""Kinds of nothing. None of them has a fill: a gap is drawn as an outline, never as a state."""

LOOK_OF_CAUSE = {
    "selective-blocking": "blocked",
    "throttling": "throttled",
    "tampering": "tampered",
    "withholding": "withheld",
    "target-down": "down",
    "shutdown": "shutdown",
    "damage": "damage",
    "dark-undetermined": "dark",
    "vantage-local": "local",
    "insufficient": "insufficient",
}
"""The state whose looks the cause of an event borrows."""
