"""A claim is contradicted on strong evidence in its very place and time, and on nothing less."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analysis.causes.cause import Cause
from analysis.claims.claim import Claim, Scope, read_claim
from analysis.claims.weigh import Outcome, weigh
from analysis.facts import VantageFacts
from analysis.times import iso
from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

T0 = datetime(2011, 12, 17, tzinfo=UTC)
VANTAGES = {
    name: VantageFacts(vantage_id=name, country="KZ", region=region, network=f"AS{number}")
    for number, (name, region) in enumerate([("a1", "Almaty"), ("a2", "Almaty"), ("z1", "Town"), ("z2", "Town")])
} | {"far": VantageFacts(vantage_id="far", country="KZ", region="Almaty", role="control")}


def claim(cause: Cause = Cause.DAMAGE, *, start_h: float = 0, end_h: float = 10, **where: Any) -> Claim:
    begin, end = T0 + timedelta(hours=start_h), T0 + timedelta(hours=end_h)
    scope = Scope(begins=(begin, begin), ends=(end, end), **{"regions": ("Almaty",), "services": ("twitter",), **where})
    return Claim(who="w", source="s", said="d", quote="q", cause=cause, scopes=(scope,))


def states(state: str, *vantages: str, hour: float = 5) -> list[dict[str, Any]]:
    at = iso(T0 + timedelta(hours=hour))
    said = {"service": "twitter", "target": "twitter.com", "kind": "target", "started_at": at, "state": state}
    return [{**said, "vantage": vantage} for vantage in vantages]


def event(cause: str, *vantages: str, weight: float = 5.0, channel: str = "A") -> dict[str, Any]:
    onset = [None, iso(T0)]
    return {
        "id": f"e-{cause}",
        "cause": cause,
        "ledger": [{"channel": channel, "kind": "k", "log10_lr": weight, "witness": [], "text": "t"}],
        "would_change": ["Pairs as soon as it returns."],
        "members": [{"vantage": v, "target": "twitter.com", "onset": onset, "end": None} for v in vantages],
    }


BLOCKED = event("selective-blocking", "a1", "a2", "z1", "z2")
DARK = event("dark-undetermined", "z1", "z2", channel="B")
SHOWN = states("blocked", "a1", "a2")


@pytest.mark.parametrize(
    ("said", "found", "events", "outcome"),
    [
        (claim(), SHOWN, [BLOCKED], Outcome.CONTRADICTED),
        (claim(Cause.TARGET_DOWN), SHOWN, [BLOCKED], Outcome.CONTRADICTED),
        (claim(Cause.SELECTIVE_BLOCKING), SHOWN, [BLOCKED], Outcome.SUPPORTED),
        # one vantage: its own box may read names
        (claim(), states("blocked", "a1"), [BLOCKED], Outcome.UNSAID),
        (claim(Cause.SELECTIVE_BLOCKING), states("blocked", "a1"), [BLOCKED], Outcome.UNSAID),
        # a sentinel is no vantage of the place
        (claim(), states("blocked", "a1", "far"), [BLOCKED], Outcome.UNSAID),
        # weak evidence, or none of channel A
        (claim(), SHOWN, [event("selective-blocking", "a1", "a2", weight=2.9)], Outcome.UNSAID),
        (claim(), SHOWN, [event("selective-blocking", "a1", "a2", channel="B")], Outcome.UNSAID),
        (claim(), SHOWN, [], Outcome.UNSAID),
        (claim(), states("suspected", "a1", "a2"), [BLOCKED], Outcome.UNSAID),
        # part of it dark: the claim may be true of that part
        (claim(), [*SHOWN, *states("dark", "a1", hour=6)], [BLOCKED], Outcome.UNSAID),
        # another time, another place
        (claim(start_h=6), SHOWN, [BLOCKED], Outcome.UNSAID),
        (claim(regions=("Town",)), [*SHOWN, *states("dark", "z1", "z2")], [BLOCKED, DARK], Outcome.UNSAID),
        (
            claim(Cause.SELECTIVE_BLOCKING, regions=("Town",)),
            states("dark", "z1", "z2"),
            [BLOCKED, DARK],
            Outcome.UNSAID,
        ),
        (claim(regions=("Nowhere",)), SHOWN, [BLOCKED], Outcome.UNSAID),
        # what the events say of darkness
        (claim(regions=("Town",)), states("dark", "z1", "z2"), [event("damage", "z1", "z2")], Outcome.SUPPORTED),
        (claim(regions=("Town",)), states("dark", "z1", "z2"), [event("shutdown", "z1", "z2")], Outcome.CONTRADICTED),
        (
            claim(Cause.SHUTDOWN, regions=("Town",)),
            states("dark", "z1", "z2"),
            [event("damage", "z1", "z2")],
            Outcome.CONTRADICTED,
        ),
        (
            claim(Cause.SELECTIVE_BLOCKING),
            states("down", "a1", "a2"),
            [event("target-down", "a1", "a2")],
            Outcome.CONTRADICTED,
        ),
        # nothing failed
        (claim(), states("ok", "a1", "a2"), [], Outcome.UNSAID),
    ],
)  # fmt: skip
def test_each_outcome_has_its_evidence(
    said: Claim, found: list[dict[str, Any]], events: list[dict[str, Any]], outcome: Outcome
) -> None:
    ((weighed,),) = weigh(said, {"states": found, "events": events}, VANTAGES)
    assert weighed.outcome is outcome, weighed.reason
    assert weighed.reason
    assert bool(weighed.events) or outcome is Outcome.UNSAID


def test_a_nationwide_claim_is_answered_place_by_place() -> None:
    found = {"states": [*SHOWN, *states("dark", "z1", "z2")], "events": [BLOCKED, DARK]}
    (answers,) = weigh(claim(regions=(), country="KZ"), found, VANTAGES)
    assert [(one.region, one.outcome) for one in answers] == [
        ("Almaty", Outcome.CONTRADICTED),
        ("Town", Outcome.UNSAID),
    ]


GOOD = """\
who: Somebody
source: A paper
said: 2011-12-19
quote: Cables were damaged.
cause: damage
scopes:
  - country: KZ
    begins: 2011-12-16T06:00Z/2011-12-16T10:00Z
    ends: 2011-12-20T08:00Z
"""


def test_only_the_time_that_is_surely_claimed_counts(tmp_path: Path) -> None:
    path = tmp_path / "claim.yaml"
    path.write_text(GOOD)
    (scope,) = read_claim(path).scopes
    assert [iso(moment) for moment in scope.inner] == ["2011-12-16T10:00:00.000Z", "2011-12-20T08:00:00.000Z"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("cause: damage", "cause: sabotage", "claim.yaml:5: key 'cause': expected one of"),
        ("cause: damage", "cause: insufficient", "claim.yaml:5: key 'cause': expected one of"),
        ("who: Somebody\n", "", "key 'who': expected"),
        ("who: Somebody", "who: Somebody\nwhy: x", "claim.yaml:2: key 'why': expected a known key"),
        ("Somebody", '"\\e[31m"', "claim.yaml:1: key 'who'"),
        ("Somebody", '"\\u202Eevil"', "claim.yaml:1: key 'who'"),
        ("ends: 2011-12-20T08:00Z", "ends: later", "expected a time"),
        ("ends: 2011-12-20T08:00Z", "ends: 2011-12-16T08:00Z", "a time after the latest beginning"),
        ("country: KZ", "country: Kazakhstan", "two letters"),
        ("who: Somebody", "who: [", "claim.yaml:"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "claim.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(UserError) as refused:
        read_claim(path)
    assert sentence in str(refused.value)
    assert str(refused.value).isprintable()


def test_the_claims_of_both_sides_can_be_read(pytestconfig: pytest.Config) -> None:
    paths = sorted((pytestconfig.rootpath / "examples" / "claims").glob("*.yaml"))
    assert {read_claim(path).cause for path in paths} >= {Cause.DAMAGE, Cause.SELECTIVE_BLOCKING}
    assert all(read_claim(path).assumed for path in paths)
