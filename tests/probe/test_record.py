"""From observations to rows: identifiers, order, and what is dropped on the way."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from probe.model import DnsAnswer, DnsTransport, NameKind, Observation, Operation, Peer, Target, TargetKind
from probe.record import Measured, PairOfSteps, Recorder, Step
from probe.store import models

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TARGET = Target(name="x.com", service="twitter", url="https://x.com/", kind=TargetKind.TARGET)


def seen(operation: Operation, **fields: object) -> Observation:
    return Observation(operation=operation, started_at=NOW, started_mono_s=1.0, ended_mono_s=1.5, **fields)  # type: ignore[arg-type]


def rows_of(*steps: Step, pairs: tuple[PairOfSteps, ...] = ()) -> tuple[list[models.Base], list[models.Blob]]:
    measured = Measured(target=TARGET, round="main", started_at=NOW, ended_at=NOW, steps=steps, pairs=pairs)
    return Recorder("c1").rows(measured)


def only(rows: list[models.Base], kind: type[models.Base]) -> list[models.Base]:
    return [row for row in rows if isinstance(row, kind)]


def test_address_of_the_systems_own_resolver_is_dropped_and_a_public_ones_kept() -> None:
    own = seen(Operation.DNS, transport=DnsTransport.SYSTEM, address="192.168.1.1")
    public = seen(Operation.DNS, transport=DnsTransport.UDP, address="9.9.9.9")
    rows, _ = rows_of(Step(observation=own), Step(observation=public))
    assert [row.address for row in only(rows, models.Observation)] == [None, "9.9.9.9"]  # type: ignore[attr-defined]


def test_body_is_kept_as_hash_and_length_alone() -> None:
    page = b"<p>your address is 203.0.113.77"
    rows, blobs = rows_of(Step(observation=seen(Operation.HTTP, status=200, body=page, body_length_bytes=len(page))))
    (row,) = only(rows, models.Observation)
    assert row.body_length_bytes == len(page)  # type: ignore[attr-defined]
    assert blobs == []
    assert not any("203.0.113.77" in str(value) for value in vars(row).values())


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("http://blocked.example/page?ip=203.0.113.77&u=x", "http://blocked.example/page?…"),
        ("/login#user", "/login"),
        ("https://x.com/home", "https://x.com/home"),
        (None, None),
    ],
)
def test_query_of_a_redirect_is_dropped_because_it_may_carry_the_clients_address(
    location: str | None, kept: str | None
) -> None:
    rows, _ = rows_of(Step(observation=seen(Operation.HTTP, status=302, location=location)))
    (row,) = only(rows, models.Observation)
    assert row.location == kept  # type: ignore[attr-defined]


def test_an_address_is_kept_in_no_text_of_an_answer() -> None:
    told = seen(
        Operation.HTTP,
        status=302,
        title="You are […]",
        location="http://stop.example/for/192.0.2.7/now",
        headers=(("via", "1.1 proxy (192.0.2.7)"), ("content-length", "19216802"), ("server", "nginx/1.27.3")),
        playability="UNPLAYABLE",
        playability_reason="Not for 192.0.2.7",
    )
    rows, _ = rows_of(Step(observation=told))
    (row,) = only(rows, models.Observation)
    assert row.location == "http://stop.example/for/[…]/now"  # type: ignore[attr-defined]
    assert row.headers == [  # type: ignore[attr-defined]
        ["via", "1.1 proxy ([…])"],
        ["content-length", "19216802"],
        ["server", "nginx/1.27.3"],
    ]
    assert row.playability_reason == "Not for […]"  # type: ignore[attr-defined]


def test_a_redirect_to_an_address_keeps_the_address_because_it_is_the_peers() -> None:
    rows, _ = rows_of(Step(observation=seen(Operation.HTTP, status=302, location="http://198.51.100.34/page")))
    (row,) = only(rows, models.Observation)
    assert row.location == "http://198.51.100.34/page"  # type: ignore[attr-defined]


def test_the_body_of_a_known_block_page_alone_is_kept_and_without_the_clients_address() -> None:
    body = b"<p>Blocked. Your address: 192.0.2.7</p>"
    known = seen(Operation.HTTP, status=200, body=body, body_length_bytes=len(body), fingerprint="made.isp;isp;5;KZ")
    unknown = seen(Operation.HTTP, status=200, body=b"another", body_length_bytes=7)
    rows, blobs = rows_of(Step(observation=known), Step(observation=unknown))
    kept = [blob for blob in blobs if blob.kind == "body"]
    assert [blob.content for blob in kept] == ["<p>Blocked. Your address: […]</p>".encode()]
    hashes = [row.kept_body_sha256 for row in only(rows, models.Observation)]  # type: ignore[attr-defined]
    assert hashes == [kept[0].sha256, None]


def test_query_of_the_targets_own_url_is_kept_and_a_redirects_is_not() -> None:
    url = "http://www.youtube.com/watch?v=y4De4CSEvAU"
    rows, _ = rows_of(
        Step(observation=seen(Operation.HTTP, url=url)), Step(observation=seen(Operation.HTTP, url=url), redirect=1)
    )
    urls = [row.url for row in only(rows, models.Observation)]  # type: ignore[attr-defined]
    assert urls == [url, "http://www.youtube.com/watch?…"]


def test_every_answer_to_one_question_is_a_row_in_order_of_arrival() -> None:
    answers = tuple(
        DnsAnswer(delay_s=delay, rcode="NOERROR", addresses=(a,), cnames=(), is_valid=True, raw=b"")
        for delay, a in ((0.01, "10.0.0.1"), (0.08, "104.244.42.1"))
    )
    rows, _ = rows_of(Step(observation=seen(Operation.DNS, transport=DnsTransport.UDP, answers=answers)))
    assert [(row.position, row.addresses) for row in only(rows, models.DnsAnswer)] == [  # type: ignore[attr-defined]
        (0, ["10.0.0.1"]),
        (1, ["104.244.42.1"]),
    ]


def test_pair_names_the_last_step_of_each_arm_and_follows_its_observations() -> None:
    pair = PairOfSteps(
        number=1,
        name_kind=NameKind.SNI,
        peer=Peer.HELPER,
        address="203.0.113.9",
        port=443,
        target_name="x.com",
        control_name="q.com",
        is_target_first=True,
        is_negative_control=False,
        target_arm=(seen(Operation.TCP), seen(Operation.TLS)),
        control_arm=(seen(Operation.TCP),),
    )
    rows, _ = rows_of(pairs=(pair,))
    *_, row = rows
    assert isinstance(row, models.Pair)
    by_id = {o.observation_id: o for o in rows if isinstance(o, models.Observation)}
    assert (by_id[row.target_observation_id].operation, by_id[row.target_observation_id].arm) == ("tls", "target")
    assert (by_id[row.control_observation_id].operation, by_id[row.control_observation_id].arm) == ("tcp", "control")


def test_certificate_that_two_steps_saw_is_one_blob() -> None:
    shaken = seen(Operation.TLS, certificates=(b"leaf", b"root"))
    rows, blobs = rows_of(Step(observation=shaken), Step(observation=shaken, attempt=2))
    assert sorted(blob.content for blob in blobs) == [b"leaf", b"root"]
    for row in only(rows, models.Observation):
        assert set(row.certificates) == {blob.sha256 for blob in blobs}  # type: ignore[attr-defined]
