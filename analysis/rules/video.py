"""One video of a platform: what the platform says of it, proven by its certificate, and whether its film comes.

Inside TLS nobody on the way can pick one video out, so what fails for one and not
for another is the platform's doing, never a censor's. What somebody on the way
can do is to cut the host that sends the films; that is read from pairs with that
host's name, by the same guards as any other name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.outcome import Reach, is_same_page
from analysis.rules import pairs
from analysis.rules.evidence import Evidence, fired
from analysis.rules.reach import sentinel_page
from analysis.video import Word, failing_steps, is_part_dead, reading_of
from probe.model import Peer

if TYPE_CHECKING:
    from analysis.facts import Facts, Step, Witness
    from analysis.runs import PairRun
    from analysis.video import Reading

_GONE_EVERYWHERE = frozenset({404, 410})
_CLOSED_EVERYWHERE = frozenset({401, 403})


def plays(facts: Facts) -> Evidence | None:
    """Fire where the platform says that the video plays, and nothing shows that its film does not come."""
    here = _reading(facts)
    if here is None or here.word is not Word.PLAYS or _is_film_dead(facts):
        return None
    there = _beyond(facts)
    is_agreed = any(reading.word is Word.PLAYS for reading in there)
    is_sentinel = facts.cycle.vantage.is_sentinel and facts.cycle.is_well_connected
    if not here.is_proven and not is_agreed and not is_sentinel:
        return None  # over plain HTTP anybody may have written the page
    return fired("video.plays", "The platform says that the video plays here.", [here.step])


def played_recently(facts: Facts) -> Evidence | None:
    """Fire where the platform, proven by its certificate, still knows the video that it was seen to play here."""
    outcome = facts.measurement.outcome
    page = outcome.page
    if _reading(facts) is not None or facts.last_film is None or outcome.reach is not Reach.VERIFIED:
        return None
    last = reading_of(facts.last_film.measurement)
    if last is None or not last.is_proven or last.word is not Word.PLAYS:
        return None
    if page is None or (page.status or 0) >= 400 or is_part_dead(facts.last_film.measurement, "media"):
        return None
    return fired(
        "video.played_recently", "The platform still knows the video, which it said to play here not long ago.",
        [page, last.step],
    )  # fmt: skip


def named_page(facts: Facts) -> Evidence | None:
    """Fire where a whole page without any player's words names this video in its title, and is the sentinel's page.

    So are pages of other times and platforms. A platform that does not show a video does not name it either, and what
    its pages have in common with another video's is no name.
    """
    page = facts.measurement.outcome.page
    is_sentinel = facts.cycle.vantage.is_sentinel and facts.cycle.is_well_connected
    if not facts.measurement.video or _reading(facts) is not None or page is None or (page.status or 0) >= 400:
        return None
    there = sentinel_page(facts)
    if page.is_body_truncated is not False or not _names_video(facts, page):
        return None
    if not is_sentinel and (there is None or there.is_body_truncated is not False or not is_same_page(page, there)):
        return None
    return fired("video.named_page", "The page names the video, and is the sentinel's.", [page])


def sign_in(facts: Facts) -> Evidence | None:
    """Fire where the platform takes this client for a machine: that is about the client, and not about the video."""
    here = _reading(facts)
    if here is None or not here.is_proven or here.word is not Word.SIGN_IN:
        return None
    return fired(
        "video.sign_in",
        f"The platform itself asks this client to sign in before any video{_told(here)}.",
        [here.step],
    )


def withheld(facts: Facts) -> Evidence | None:
    """Fire where the platform refuses here a video that it plays elsewhere, or that it does not offer this country."""
    here = _proven_refusal(facts)
    if here is None:
        return None
    there = [reading for reading in _beyond(facts) if reading.word is Word.PLAYS and reading.is_proven]
    country = facts.cycle.vantage.country
    listing = next((r for r in (here, *there) if r.step.countries is not None), None)
    is_unlisted = listing is not None and country != "ZZ" and country not in (listing.step.countries or ())
    if not there and not is_unlisted:
        return None
    why = "and plays it elsewhere" if there else f"and does not list {country} among the countries that may see it"
    shown = [here.step, *(reading.step for reading in there), *([listing.step] if listing else [])]
    return fired("video.withheld", f"The platform itself refuses the video here{_told(here)}, {why}.", shown)


def removed(facts: Facts) -> Evidence | None:
    """Fire where the platform has the video for nobody whom we can ask."""
    here = _for_nobody(facts, _GONE_EVERYWHERE)
    if here is None or here.word is not Word.GONE:
        return None
    return fired("video.removed", f"The platform has no such video for anybody{_told(here)}.", _shown(facts, here))


def private(facts: Facts) -> Evidence | None:
    """Fire where the owner of the video shows it to nobody."""
    here = _for_nobody(facts, _CLOSED_EVERYWHERE)
    if here is None or here.word is not Word.PRIVATE:
        return None
    return fired("video.private", f"The video is private for everybody{_told(here)}.", _shown(facts, here))


def refused_everywhere(facts: Facts) -> Evidence | None:
    """Fire where the platform refuses the video to everybody whom we can ask, for whatever reason."""
    here = _for_nobody(facts, frozenset())
    if here is None or here.word is not Word.REFUSED:
        return None
    return fired(
        "video.refused_everywhere", f"The platform refuses the video everywhere{_told(here)}.", _shown(facts, here)
    )


def unclear(facts: Facts) -> Evidence | None:
    """Fire where the platform does not play the video, and nobody else's page tells whether it is so for everyone."""
    here = _reading(facts)
    if here is None or here.word is Word.PLAYS:
        return None
    what = "The platform" if here.is_proven else "A page over plain HTTP"
    return fired(
        "video.unclear", f"{what} does not play the video{_told(here)}; whom else that concerns is not known.",
        [here.step],
    )  # fmt: skip


def media_selective(facts: Facts) -> Evidence | None:
    """Fire where the page opens, the film does not come, and pairs show that its host's name is read: E >= 1,000."""
    run = _film_run(facts)
    if run is None or not pairs.has_calm_sentinel(run) or not _do_films_come_elsewhere(facts):
        return None
    if run.log10_e < max(pairs.CALL_LOG10_E, run.bar_log10):
        return None
    return pairs.measured(
        "video.media_selective", run, f"The film's host: {pairs.counts(run)}; the sentinel's pairs are calm."
    )


def media_leaning(facts: Facts) -> Evidence | None:
    """Fire where the film does not come, and pairs lean towards a rule on its host's name on a path without loss."""
    run = _film_run(facts)
    if run is None or run.log10_e < pairs.LEAN_LOG10_E or media_selective(facts) is not None:
        return None
    if run.sentinel_log10_e >= pairs.LEAN_LOG10_E or not pairs.is_path_clean(facts, run):
        return None
    return pairs.measured(
        "video.media_leaning", run, f"The film's host: {pairs.counts(run)}; that is too little to call."
    )


def media_down(facts: Facts) -> Evidence | None:
    """Fire where the film comes nowhere, at no usable sentinel either."""
    films = [is_part_dead(w.measurement, "media") for w in _sentinels(facts)]
    if not _is_film_dead(facts) or True not in films or False in films:
        return None
    return fired(
        "video.media_down",
        "The film's host fails here and for the sentinel.",
        failing_steps(facts.measurement, "media"),
    )


def media_dead(facts: Facts) -> Evidence | None:
    """Fire where the platform says that the video plays, and the host of its film does not answer."""
    if not _is_film_dead(facts):
        return None
    return fired(
        "video.media_dead",
        "The page of the video opens, and the host that sends its film does not answer.",
        failing_steps(facts.measurement, "media"),
    )


def thumbnail_dead(facts: Facts) -> Evidence | None:
    """Fire where the host of the thumbnail does not answer; the video is seen without it."""
    if not is_part_dead(facts.measurement, "thumbnail"):
        return None
    return fired(
        "video.thumbnail_dead",
        "The host that sends the video's thumbnail does not answer.",
        failing_steps(facts.measurement, "thumbnail"),
    )


def _reading(facts: Facts) -> Reading | None:
    return reading_of(facts.measurement)


def _names_video(facts: Facts, page: Step) -> bool:
    """Tell whether a page's title has words that no other video's page of the same service has, here or there."""
    own = facts.measurement
    others = [
        other.title or ""
        for cycle in (facts.cycle, *(witness.cycle for witness in facts.usable_sentinels))
        for m in cycle.measurements
        if m.video not in {None, own.video} and m.service == own.service and (other := m.outcome.page) is not None
    ]
    words = set((page.title or "").casefold().split())
    return bool(others) and all(words - set(title.casefold().split()) for title in others)


def _is_film_dead(facts: Facts) -> bool:
    return is_part_dead(facts.measurement, "media") is True


def _told(reading: Reading) -> str:
    reason = reading.step.playability_reason
    return f" ({reading.step.playability}: {reason})" if reason else f" ({reading.step.playability})"


def _sentinels(facts: Facts) -> list[Witness]:
    return [w for w in facts.films if w.cycle.vantage.is_sentinel and w.cycle.is_well_connected]


def _beyond(facts: Facts) -> list[Reading]:
    """Give what others read: the sentinels, and for a sentinel itself every other vantage."""
    asked = (
        [w for w in facts.films if w.cycle.is_well_connected] if facts.cycle.vantage.is_sentinel else _sentinels(facts)
    )
    read = [reading_of(witness.measurement) for witness in asked]
    return [reading for reading in read if reading is not None]


def _proven_refusal(facts: Facts) -> Reading | None:
    here = _reading(facts)
    if here is None or not here.is_proven or here.word in {Word.PLAYS, Word.SIGN_IN}:
        return None
    return here


def _for_nobody(facts: Facts, everywhere: frozenset[int]) -> Reading | None:
    """Give the refusal here where everybody else is refused too, or the light check says so to the whole world."""
    here = _proven_refusal(facts)
    if here is None or withheld(facts) is not None:
        return None
    others = [reading.word for reading in _beyond(facts) if reading.word is not Word.SIGN_IN]
    if others:
        return here if Word.PLAYS not in others else None
    page = facts.measurement.outcome.page
    is_said_to_all = (
        facts.measurement.outcome.reach is Reach.VERIFIED and page is not None and page.status in everywhere
    )
    return here if is_said_to_all else None


def _shown(facts: Facts, here: Reading) -> list[Step]:
    return [here.step, *(reading.step for reading in _beyond(facts))]


def _film_run(facts: Facts) -> PairRun | None:
    """Give the pairs of the film's host, where they may say anything on this measurement."""
    if not _is_film_dead(facts) or _is_film_alive_beside(facts):
        return None
    run = next((r for r in facts.host_runs if (r.part, r.peer) == ("media", Peer.HELPER)), None)
    return run if run is not None and pairs.is_telling(facts, run) else None


def _do_films_come_elsewhere(facts: Facts) -> bool:
    films = [is_part_dead(witness.measurement, "media") for witness in _sentinels(facts)]
    return False in films and True not in films


def _is_film_alive_beside(facts: Facts) -> bool:
    """Tell whether films come to another vantage of the same network and bearer: then it may be this home's filter."""
    here = facts.cycle.vantage
    return here.network is not None and any(
        is_part_dead(witness.measurement, "media") is False
        for witness in facts.elsewhere
        if (witness.cycle.vantage.network, witness.cycle.vantage.bearer) == (here.network, here.bearer)
    )
