"""Who may send: tokens, keys, and how many of one network."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from collector import probes, tokens
from collector.models import Base, Probe, Standing, Token
from collector.pace import MOST_SENDERS, Pace
from collector.refusals import RefusedError, Why
from probe.store.writing import transaction
from probe.uplink.signing import NOBODY, public_text
from tests.collector.fleet import Sender, TestClock, call, enrol, token

if TYPE_CHECKING:
    from pathlib import Path

    from collector.service import Service


def why_not(service: Service, key: Ed25519PrivateKey, secret: str) -> Why:
    with pytest.raises(RefusedError) as caught:
        enrol(service, key, secret)
    return caught.value.why


def standing_of(service: Service, probe_id: str) -> str | None:
    with service.store.session() as session:
        return session.scalar(select(Probe.standing).where(Probe.probe_id == probe_id))


def test_a_token_enrols_one_key_and_the_same_key_again_where_the_answer_was_lost(service: Service) -> None:
    secret, key = token(service), Ed25519PrivateKey.generate()
    first = enrol(service, key, secret)
    assert enrol(service, key, secret) == first
    assert why_not(service, Ed25519PrivateKey.generate(), secret) is Why.BAD_TOKEN
    assert why_not(service, key, token(service)) is Why.BAD_TOKEN


def test_an_unknown_an_expired_and_a_revoked_token_enrol_nobody(light: Service) -> None:
    key = Ed25519PrivateKey.generate()
    assert why_not(light, key, "nb-probe-nonsense") is Why.BAD_TOKEN
    secret = token(light)
    clock = light.clock
    assert isinstance(clock, TestClock)
    clock.wall += timedelta(days=1)
    assert why_not(light, key, secret) is Why.BAD_TOKEN
    secret = token(light)
    with transaction(light.store.engine) as connection:
        token_id = connection.scalar(select(Token.token_id).order_by(Token.created_at.desc()).limit(1))
        assert tokens.revoke(connection, token_id or "")
    assert why_not(light, key, secret) is Why.BAD_TOKEN


def test_nobody_enrols_a_key_that_he_does_not_hold(light: Service) -> None:
    mine, theirs = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    secret = token(light)
    asked = call(mine, "POST", "/v1/enrolments", NOBODY, b"")
    with pytest.raises(RefusedError) as caught:
        light.enrol(asked, secret, public_text(theirs), "198.51.100.7")
    assert caught.value.why is Why.BAD_SIGNATURE


def test_of_a_hundred_identities_of_one_prefix_a_few_are_admitted(light: Service, tmp_path: Path) -> None:
    clock = light.clock
    assert isinstance(clock, TestClock)
    secret = token(light, uses=None)
    seen = []
    for number in range(100):
        clock.seconds += 60.0  # not the pace is asked about here
        seen.append(enrol(light, Ed25519PrivateKey.generate(), secret, f"203.0.113.{number}"))
    standings = [standing_of(light, probe_id) for probe_id in seen]
    assert standings.count(Standing.ADMITTED) == light.most_of_a_prefix
    assert standings.count(Standing.HELD) == 100 - light.most_of_a_prefix
    other = enrol(light, Ed25519PrivateKey.generate(), secret, "203.0.114.1")
    assert standing_of(light, other) == Standing.ADMITTED
    with Sender.enrolled(light, tmp_path / "one.db", "one") as sender:
        held = sender.elsewhere(probe_id=seen[-1])
        with pytest.raises(RefusedError) as caught:
            light.take(call(sender.key, "POST", "/v1/batches", held.probe_id, b""))
    assert caught.value.why is Why.BAD_SIGNATURE  # whoever does not hold its key learns nothing of it


def test_who_is_held_may_send_when_a_researcher_admits_it(light: Service, tmp_path: Path) -> None:
    with Sender.enrolled(light, tmp_path / "one.db", "one") as sender:
        for standing, why in ((Standing.HELD, Why.HELD), (Standing.REVOKED, Why.REVOKED)):
            with transaction(light.store.engine) as connection:
                assert probes.set_standing(connection, sender.probe_id, standing)
            with pytest.raises(RefusedError) as caught:
                sender.send(sender.batch()[0])
            assert caught.value.why is why
        with transaction(light.store.engine) as connection:
            assert probes.set_standing(connection, sender.probe_id, Standing.ADMITTED)
            assert not probes.set_standing(connection, "p-unknown", Standing.ADMITTED)
        assert sender.send(sender.batch()[0]).new_rows


def test_a_retired_identifier_never_comes_back(light: Service, tmp_path: Path) -> None:
    with Sender.enrolled(light, tmp_path / "one.db", "one") as sender:
        fresh = Ed25519PrivateKey.generate()
        asked = call(sender.key, "POST", "/v1/rotations", sender.probe_id, b"")
        given = light.rotate(asked, public_text(fresh))
        assert light.rotate(asked, public_text(fresh)) == given  # the answer was lost
        with pytest.raises(RefusedError) as caught:
            light.rotate(asked, public_text(Ed25519PrivateKey.generate()))
        assert caught.value.why is Why.RETIRED
        assert standing_of(light, sender.probe_id) == Standing.RETIRED
        with transaction(light.store.engine) as connection:
            assert not probes.set_standing(connection, sender.probe_id, Standing.ADMITTED)


def test_no_address_is_kept_in_any_form_that_can_be_looked_up(light: Service) -> None:
    addresses = ("203.0.113.77", "::ffff:203.0.113.78", "2001:db8:7:8::9", "2001:db8:7:9::1", "unix")
    secret = token(light, uses=None)
    prefixes = []
    for address in addresses:
        probe_id = enrol(light, Ed25519PrivateKey.generate(), secret, address)
        with light.store.session() as session:
            prefixes.append(session.scalar(select(Probe.prefix).where(Probe.probe_id == probe_id)))
    assert prefixes[0] == prefixes[1]  # one /24, however it is written
    assert prefixes[2] == prefixes[3]  # one /48
    assert len(set(prefixes)) == 3
    with light.store.engine.connect() as connection:
        kept = [repr(row) for table in Base.metadata.tables.values() for row in connection.execute(table.select())]
    assert kept
    assert not any(piece in row for row in kept for piece in ("203.0.113", "2001:db8", "cb0071"))


def test_a_sender_has_a_pace_and_ten_thousand_others_cost_no_more_memory() -> None:
    pace = Pace(burst=3, per_s=0.5)
    assert [pace.wait_s("one", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert pace.wait_s("one", 2.0) == 0.0
    assert pace.wait_s("other", 2.0) == 0.0
    for number in range(MOST_SENDERS + 100):
        pace.wait_s(str(number), 3.0)
    assert len(pace._of) == MOST_SENDERS
