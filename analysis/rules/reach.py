"""What the answer was, where there was one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis.outcome import Reach, is_same_page
from analysis.rules.evidence import Evidence, fired
from analysis.video import reading_of
from probe.model import TargetKind

if TYPE_CHECKING:
    from analysis.facts import Facts, Step

REFUSALS = frozenset({403, 451})
_CHALLENGE = re.compile(r"captcha|attention required|just a moment|are you (a )?(human|robot)", re.IGNORECASE)


def sentinel_page(facts: Facts) -> Step | None:
    """Give the page that the nearest usable sentinel got for the same target."""
    return facts.sentinel.measurement.outcome.page if facts.sentinel else None


def is_different_page(facts: Facts) -> bool:
    """Tell whether an unproven answer came that is not the sentinel's page."""
    page, other = facts.measurement.outcome.page, sentinel_page(facts)
    if facts.measurement.outcome.reach is not Reach.ANSWERED or page is None or other is None:
        return False
    return not is_same_page(page, other)


def verified(facts: Facts) -> Evidence | None:
    """Fire where TLS proved the server and the server gave the page. Of a video the page alone says too little."""
    page = _verified_page(facts)
    if page is None or facts.measurement.video or _is_refusal(page) or (page.status or 0) >= 400:
        return None
    if reading_of(facts.measurement) is not None:
        return None  # a watch page, whatever the schedule calls it: the rules on videos say more
    return fired("reach.verified", "The server proved its name by its certificate and gave the page.", [page])


def same_as_sentinel(facts: Facts) -> Evidence | None:
    """Fire where the sentinel got the same answer, and it is no error of the server."""
    page, other = facts.measurement.outcome.page, sentinel_page(facts)
    if page is None or other is None or (page.status or 0) >= 500 or not is_same_page(page, other):
        return None
    if facts.measurement.video or reading_of(facts.measurement) is not None:
        return None  # a platform gives alike pages for a video that it withholds, and for one that it removed
    return fired("reach.same_as_sentinel", "The sentinel got the same answer.", [page, other])


def sentinel_itself(facts: Facts) -> Evidence | None:
    """Fire where a sentinel got an answer that TLS does not prove: it stands where nobody forges or withholds one."""
    page = facts.measurement.outcome.page
    if not facts.cycle.vantage.is_sentinel or not facts.cycle.is_well_connected or page is None:
        return None
    if (page.status or 0) >= 400 or is_different_page(facts):
        return None
    if facts.measurement.outcome.reach is not Reach.ANSWERED or facts.measurement.video:
        return None  # proven by TLS: `reach.verified` says so; of a video the page alone says too little
    return fired("reach.sentinel_itself", "The sentinel, outside anybody's reach, got this answer.", [page])


def video_unread(facts: Facts) -> Evidence | None:
    """Fire where the proven platform gave its page for a video, and nothing shows that the video is on it.

    A platform answers 200 for a video that it withholds or that was removed, too.
    """
    page = _verified_page(facts)
    if page is None or not facts.measurement.video or (page.status or 0) >= 400 or reading_of(facts.measurement):
        return None
    return fired(
        "reach.video_unread",
        "The platform, proven by its certificate, gave a page; whether it shows this video was not read.",
        [page],
    )


def portal_check(facts: Facts) -> Evidence | None:
    """Fire where a portal check got its own answer."""
    page = facts.measurement.outcome.page
    if facts.measurement.kind != TargetKind.PORTAL_CHECK or page is None:
        return None
    if page.status != facts.measurement.expect_status:
        return None
    return fired("reach.portal_check", "The portal check got the answer that it must get.", [page])


def refused_here(facts: Facts) -> Evidence | None:
    """Fire where the proven server refuses this client what it gives to the sentinel (451: to anybody)."""
    page, other = _verified_page(facts), sentinel_page(facts)
    if page is None or not _is_refusal(page):
        return None
    is_given_elsewhere = other is not None and (other.status or 0) < 400 and not _is_refusal(other)
    if is_given_elsewhere or (other is None and page.status == 451):
        return fired(
            "reach.refused_here",
            f"The server itself, proven by its certificate, refused with status {page.status}.",
            [page, *([other] if other else [])],
        )
    return None


def error_here(facts: Facts) -> Evidence | None:
    """Fire where the proven server answers this country with an error of its own, and the sentinel with its page.

    A server that is ill now and then errs for everyone now and then. So it must err here in another cycle or at another
    vantage of the country as well, at no vantage of the country otherwise, and never for a sentinel.
    """
    page = _verified_page(facts)
    if page is None or (page.status or 0) < 500 or facts.cycle.vantage.is_sentinel:
        return None
    beyond = [w.measurement.outcome.page for w in facts.usable_sentinels]
    near = [w for w in facts.elsewhere if w.cycle.vantage.country == facts.cycle.vantage.country]
    here = [w.measurement.outcome.page for w in (*near, *facts.neighbours)]
    errors = [other for other in here if other is not None and other.status == page.status]
    if not beyond or any(other is None or (other.status or 0) >= 400 for other in beyond):
        return None
    if not errors or any(w.measurement.outcome.page not in errors for w in near):
        return None
    return fired(
        "reach.error_here",
        f"The server itself, proven by its certificate, answers this country with status {page.status}, and the "
        "sentinel with its page.",
        [page, *errors, *(other for other in beyond if other)],
    )


def error_for_everyone(facts: Facts) -> Evidence | None:
    """Fire where the server answers with its own error here and at the sentinel."""
    page, other = facts.measurement.outcome.page, sentinel_page(facts)
    if page is None or other is None or (page.status or 0) < 500 or (other.status or 0) < 500:
        return None
    return fired(
        "reach.error_for_everyone", f"The server answers with its own error ({page.status}) everywhere.", [page, other]
    )


def server_error(facts: Facts) -> Evidence | None:
    """Fire where the proven server answered with an error, and nothing tells whether it does so to everyone."""
    page = _verified_page(facts)
    if page is None or not (_is_refusal(page) or (page.status or 0) >= 400):
        return None
    return fired("reach.server_error", f"The server itself answered with status {page.status}.", [page])


def unconfirmed(facts: Facts) -> Evidence | None:
    """Fire where an answer came over plain HTTP and there is no sentinel's page to hold it against."""
    page = facts.measurement.outcome.page
    if facts.measurement.outcome.reach is not Reach.ANSWERED or page is None or sentinel_page(facts) is not None:
        return None
    return fired(
        "reach.unconfirmed",
        "An answer came over plain HTTP, and no sentinel's page shows whether it is genuine.",
        [page],
    )


def differs(facts: Facts) -> Evidence | None:
    """Fire where the answer over plain HTTP is not the sentinel's page. A server may do that by itself."""
    page, other = facts.measurement.outcome.page, sentinel_page(facts)
    if page is None or other is None or not is_different_page(facts):
        return None
    return fired("reach.differs", "The answer over plain HTTP is not the page that the sentinel got.", [page, other])


def _verified_page(facts: Facts) -> Step | None:
    outcome = facts.measurement.outcome
    return outcome.page if outcome.reach is Reach.VERIFIED else None


def _is_refusal(page: Step) -> bool:
    return page.status in REFUSALS or bool(page.title and _CHALLENGE.search(page.title))
