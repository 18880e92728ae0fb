"""From states to events: what began, for whom, and (perhaps) ended.

First the states of each vantage and target are cut into *spells*: successive
measurements of one cause (:mod:`analysis.events.spells`). Then spells that began
at the same time, as far as anyone can tell, become one event: over the targets of
a service, over vantages, and (where the cause reads no names) over services. One
national block of one service is one event, not hundreds.

What is dark is looked at by atomic scope, a network, region and bearer
(:mod:`analysis.events.darkness`), because causes may differ from scope to scope;
:mod:`analysis.causes` finds them, and scopes of one cause are one event again.

Onset and end are intervals, because nobody looked in between. Intent is never
measured, and no event names anybody. Nothing is remembered from one analysis to
the next: all follows from the facts of the window that was asked for.
"""

from __future__ import annotations

from analysis.causes.cause import Cause
from analysis.events.compose import events_of
from analysis.events.event import Event, Member

__all__ = ["Cause", "Event", "Member", "events_of"]
