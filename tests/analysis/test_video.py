"""A video withheld, removed, private, to be signed in for, or cut off: five things, and none reads as another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from analysis.analyse import conclude
from analysis.states import State
from tests.analysis.fact_builder import (
    RESET,
    SITE,
    CycleBuilder,
    dns,
    failed,
    http,
    plus_pairs,
    reached,
    tcp,
    tls,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.analyse import Judged
    from analysis.facts import CycleFacts, Step

VIDEO = "y4De4CSEvAU"
HOST = "www.video.example.com"
WATCH = f"https://{HOST}/watch?v={VIDEO}"
TARGET = "youtube/square"
FILM, FILM_SITE = "rr1.media.example.com", "8.50.1.1"

OK = ("OK", None)
GONE = ("ERROR", "Video unavailable")
PRIVATE = ("LOGIN_REQUIRED", "Private video")
BOT = ("LOGIN_REQUIRED", "Sign in to confirm you\N{RIGHT SINGLE QUOTATION MARK}re not a bot")
NOT_HERE = ("UNPLAYABLE", "This video is not available in your country")


def look(
    said: tuple[str, str | None], *, film: str | None = "alive", countries: Any = None, **forged: Any
) -> list[Step]:
    """The closer look: the watch page says ``said``; the film's host is alive, or fails so, or is not asked (None)."""
    page = http(WATCH, title="Video", playability=said[0], playability_reason=said[1], countries=countries)
    watch = [dns(HOST, (SITE,)), tcp(), tls(name=HOST, **forged), page]
    steps = [replace(step, technique="video", variant="watch") for step in watch]
    if film is None or said[0] != "OK":
        return steps
    is_alive = film == "alive"
    media = [
        dns(FILM, (FILM_SITE,)),
        tcp(FILM_SITE),
        tls(FILM_SITE, None if is_alive else film, name=FILM),
    ]
    media += [http(f"https://{FILM}/videoplayback", title=None, address=FILM_SITE)] if is_alive else []
    return steps + [replace(step, technique="video", variant="media") for step in media]


def light(status: int = 200) -> list[Step]:
    return reached(HOST, title=None, status=status)


def vantage(
    closer: Sequence[Step] = (),
    *,
    steps: Sequence[Step] | None = None,
    index: int = 0,
    name: str = "almaty",
    film_pairs: Sequence[Any] = (),
    url: str = WATCH,
    **where: Any,
) -> CycleFacts:
    builder = CycleBuilder(vantage=name, index=index, **where).controls()
    pairs = [builder.pair(FILM, *spec) for spec in film_pairs]
    builder.add(
        TARGET,
        light() if steps is None else steps,
        url=url,
        video=VIDEO,
        service="youtube",
        closer=closer,
        host_pairs=pairs,
    )
    return builder.build()


def beyond(closer: Sequence[Step] = (), **extra: Any) -> CycleFacts:
    return vantage(closer, name="frankfurt", role="control", network="AS24940", **extra)


def state_of(cycles: Sequence[CycleFacts], name: str = "almaty", index: int = -1) -> Judged:
    found = [
        j
        for j in conclude(cycles).judged
        if (j.facts.measurement.vantage_id, j.facts.measurement.target) == (name, TARGET)
    ]
    return found[index]


def assert_is(cycles: Sequence[CycleFacts], state: State, rule: str, name: str = "almaty") -> None:
    decision = state_of(cycles, name).decision
    assert (decision.state, decision.rule) == (state, rule)


@pytest.mark.parametrize(
    ("here", "there", "state", "rule"),
    [
        (OK, OK, State.OK, "video.plays"),
        (OK, BOT, State.OK, "video.plays"),
        (OK, GONE, State.OK, "video.plays"),
        (NOT_HERE, OK, State.WITHHELD, "video.withheld"),
        (GONE, OK, State.WITHHELD, "video.withheld"),
        (GONE, GONE, State.DOWN, "video.removed"),
        (PRIVATE, PRIVATE, State.DOWN, "video.private"),
        (NOT_HERE, NOT_HERE, State.DOWN, "video.refused_everywhere"),
        (BOT, OK, State.WITHHELD, "video.sign_in"),
        (BOT, BOT, State.WITHHELD, "video.sign_in"),
        (NOT_HERE, BOT, State.INSUFFICIENT, "video.unclear"),
        (GONE, BOT, State.INSUFFICIENT, "video.unclear"),
    ],
)
def test_what_the_platform_says_here_and_there_makes_the_state(here: Any, there: Any, state: State, rule: str) -> None:
    assert_is([vantage(look(here)), beyond(look(there))], state, rule)


@pytest.mark.parametrize("said", [GONE, PRIVATE, NOT_HERE])
def test_without_a_sentinel_a_refusal_is_nobodys_yet(said: Any) -> None:
    assert_is([vantage(look(said))], State.INSUFFICIENT, "video.unclear")


@pytest.mark.parametrize(("said", "status", "rule"), [(GONE, 404, "video.removed"), (PRIVATE, 403, "video.private")])
def test_without_a_sentinel_the_light_check_says_it_to_the_whole_world(said: Any, status: int, rule: str) -> None:
    assert_is([vantage(look(said), steps=light(status))], State.DOWN, rule)


def test_a_country_that_the_platform_does_not_list_is_refused_even_without_a_sentinel() -> None:
    assert_is([vantage(look(NOT_HERE, countries=("DE", "FR")))], State.WITHHELD, "video.withheld")
    assert_is([vantage(look(NOT_HERE, countries=("DE", "KZ")))], State.INSUFFICIENT, "video.unclear")


def test_a_sentinel_that_must_sign_in_is_refused_itself_and_refuses_nobody_else() -> None:
    cycles = [vantage(look(OK)), beyond(look(BOT))]
    assert_is(cycles, State.WITHHELD, "video.sign_in", "frankfurt")
    assert_is(cycles, State.OK, "video.plays")


@pytest.mark.parametrize("said", [NOT_HERE, GONE, PRIVATE, BOT])
def test_a_refusal_that_tls_does_not_prove_accuses_nobody_and_excuses_nobody(said: Any) -> None:
    forged = look(said, certificate_failure="ssl_unknown_authority")
    assert_is([vantage(forged), beyond(look(OK))], State.INSUFFICIENT, "video.unclear")


def test_a_page_that_plays_over_plain_http_is_believed_where_the_sentinel_got_the_same() -> None:
    url = WATCH.replace("https", "http")
    page = http(url, title="Video", port=80, playability="OK")
    steps = [dns(HOST, (SITE,)), tcp(port=80), page]
    with_sentinel = [vantage(steps=steps, url=url), beyond(steps=steps, url=url)]
    assert_is(with_sentinel, State.OK, "video.plays")
    assert state_of(with_sentinel[:1]).decision.state is State.INSUFFICIENT


PLAIN = WATCH.replace("https", "http")


def old_page(title: str | None, other: str | None = "Me at the zoo - YouTube", *, is_cut: bool = False) -> list[Any]:
    """Two vantages and two videos over plain HTTP, whose pages have no player's words."""
    cycles = []
    for name, role in (("almaty", "probe"), ("frankfurt", "control")):
        builder = CycleBuilder(vantage=name, role=role, network=name).controls()
        for target, video, said in ((TARGET, VIDEO, title), ("youtube/zoo", "jNQXAC9IVRw", other)):
            page = http(PLAIN, title=said, port=80, is_body_truncated=is_cut)
            builder.add(target, [dns(HOST, (SITE,)), tcp(port=80), page], url=PLAIN, video=video, service="youtube")
        cycles.append(builder.build())
    return cycles


def test_an_old_page_that_names_its_video_is_ok_where_the_sentinel_has_the_same() -> None:
    cycles = old_page("Zhanaozen, the square - YouTube")
    assert_is(cycles, State.OK, "video.named_page")
    assert_is(cycles, State.OK, "video.named_page", "frankfurt")


@pytest.mark.parametrize(
    "cycles",
    [
        pytest.param(old_page("- YouTube"), id="it has no more than what every page has"),
        pytest.param(old_page("- YouTube", "- YouTube"), id="neither is named"),
        pytest.param(old_page(None), id="no title"),
        pytest.param(old_page("Zhanaozen, the square - YouTube", is_cut=True), id="not read to its end"),
        pytest.param(old_page("Zhanaozen, the square - YouTube")[:1], id="no sentinel"),
    ],
)
def test_an_old_page_that_may_be_any_is_not_ok(cycles: list[CycleFacts]) -> None:
    assert state_of(cycles).decision.state is State.INSUFFICIENT


def test_the_light_check_alone_is_never_ok() -> None:
    assert_is([vantage(), beyond()], State.INSUFFICIENT, "reach.video_unread")


def test_the_light_check_is_ok_while_a_page_that_played_is_remembered_and_not_a_day_longer() -> None:
    first = vantage(look(OK))
    assert_is([first, vantage(index=4 * 23)], State.OK, "video.played_recently")
    assert_is([first, vantage(index=4 * 25)], State.INSUFFICIENT, "reach.video_unread")


@pytest.mark.parametrize(
    "later",
    [
        pytest.param({"closer": look(NOT_HERE)}, id="the page says otherwise now"),
        pytest.param({"steps": light(404)}, id="the light check is an error"),
        pytest.param({"steps": failed("tls", RESET, HOST)}, id="the host is dead"),
    ],
)
def test_what_is_remembered_does_not_outlast_a_change(later: dict[str, Any]) -> None:
    assert state_of([vantage(look(OK)), vantage(index=1, **later)]).decision.state is not State.OK


def test_a_page_that_was_refused_is_not_remembered_as_played() -> None:
    cycles = [vantage(look(OK)), vantage(look(NOT_HERE), index=1), vantage(index=2)]
    assert_is(cycles, State.INSUFFICIENT, "reach.video_unread")


# ---------------------------------------------------------------- the film's host

CALM = [("sni", "helper", None, None)]


def cut(pairs: int = 14, **extra: Any) -> CycleFacts:
    return vantage(look(OK, film=RESET), film_pairs=plus_pairs(pairs), **extra)


def test_a_film_whose_hosts_name_is_read_is_blocked_with_its_mechanism() -> None:
    cycles = [cut(), beyond(look(OK), film_pairs=CALM)]
    assert_is(cycles, State.BLOCKED, "video.media_selective")
    assert state_of(cycles).decision.mechanisms == ("tls.reset.sni",)


@pytest.mark.parametrize(
    ("cycles", "state", "rule"),
    [
        pytest.param(
            [cut(0), beyond(look(OK), film_pairs=CALM)], State.INSUFFICIENT, "video.media_dead", id="no pairs"
        ),
        pytest.param([cut(), beyond(look(OK))], State.SUSPECTED, "video.media_leaning", id="no pairs of the sentinel"),
        pytest.param([cut()], State.SUSPECTED, "video.media_leaning", id="no sentinel"),
        pytest.param(
            [cut(), beyond(look(OK, film=RESET), film_pairs=CALM)], State.DOWN, "video.media_down", id="dead everywhere"
        ),
        pytest.param(
            [cut(), beyond(look(OK), film_pairs=plus_pairs(10))],
            State.INSUFFICIENT,
            "video.media_dead",
            id="the sentinel's pairs fail too",
        ),
        pytest.param(
            [cut(), beyond(look(OK), film_pairs=CALM), vantage(look(OK), name="neighbour")],
            State.INSUFFICIENT,
            "video.media_dead",
            id="films come to a neighbour in the same network",
        ),
        pytest.param(
            [
                vantage(look(OK, film=RESET), film_pairs=plus_pairs(0, alive=14)),
                beyond(look(OK), film_pairs=CALM),
            ],
            State.INSUFFICIENT,
            "video.media_dead",
            id="both names live",
        ),
    ],
)
def test_a_dead_film_is_blocked_only_with_every_guard(cycles: list[CycleFacts], state: State, rule: str) -> None:
    assert_is(cycles, state, rule)


def test_pairs_of_the_films_host_say_nothing_on_the_name_of_the_page() -> None:
    evidence = {e.rule for e in state_of([cut(), beyond(look(OK), film_pairs=CALM)]).evidence}
    assert not any(rule.startswith(("pairs.selective", "pairs.leaning")) for rule in evidence)


def test_a_film_that_was_cut_short_by_us_is_not_dead() -> None:
    half = [step for step in look(OK, film=RESET) if (step.variant, step.operation) != ("media", "tls")]
    assert_is([vantage(half), beyond(look(OK))], State.OK, "video.plays")
