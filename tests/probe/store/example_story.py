"""A morning in three places, small enough to know every answer by heart.

Slots every 15 minutes from 06:00 UTC, numbered 0 to 5; a measurement begins in the slot's own minute.

* ``almaty`` (KZ, AS9198, fixed): x.com resets the TLS handshake in slots 2, 3 and 4 and answers again in 5.
  From slot 2 on, kplus-tv.net shows a certificate that no authority signed. Its name-swap pair at the
  helper fails in slots 2, 3 and 4 under the name x.com alone; in slot 1 both arms fail.
* ``aktau`` (KZ, AS29355, mobile): from slot 3 on, the system's resolver says that x.com does not exist, while
  a public one goes on to give the address. Slot 4 was missed (asleep); the cycle of slot 5 has no end.
* ``berlin`` (DE, AS3320, fixed, a sentinel): everything answers, in every slot.

example.org (the control abroad) answers everywhere, always.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from probe.store import models
from tests.probe.store.example_facts import NOON, cycle, cycle_end, measurement, observation, sha256, vantage

if TYPE_CHECKING:
    from datetime import datetime

    from probe.store.database import Database

PLACES = {
    "almaty": {"country": "KZ", "region": "Almaty", "network": "AS9198", "bearer": "fixed", "role": "probe"},
    "aktau": {"country": "KZ", "region": "Mangystau", "network": "AS29355", "bearer": "mobile", "role": "probe"},
    "berlin": {"country": "DE", "region": None, "network": "AS3320", "bearer": "fixed", "role": "control"},
}
SERVICES = {"x.com": "Twitter", "kplus-tv.net": "K+", "example.org": "control"}
TRUE_ADDRESS = "192.0.2.80"
FORGED = b"a forged certificate"
GENUINE = b"a genuine certificate"


def slot(number: int) -> datetime:
    return NOON + timedelta(minutes=15 * number)


def tell(database: Database) -> None:
    """Append the story, then what an analysis might conclude from it."""
    for name, values in PLACES.items():
        database.append(name, [vantage(name, **values)])
        for number in range(6):
            if (name, number) == ("aktau", 4):
                missed = models.MissedSlot(
                    missed_slot_id="aktau.missed.4",
                    slot_at=slot(4),
                    noticed_at=slot(5),
                    reason="asleep",
                )
                database.append(name, [missed])
            else:
                _tell_cycle(database, name, number)
    database.replace_conclusions(_conclusions())


def _tell_cycle(database: Database, name: str, number: int) -> None:
    key = f"{name}.{number}"
    rows: list[models.Base] = [cycle(key, slot(number))]
    for order, (target, service) in enumerate(SERVICES.items()):
        kind = "control-abroad" if service == "control" else "target"
        measurement_id = f"{key}.m{order}"
        started_at = slot(number) + timedelta(seconds=order)
        rows.append(
            measurement(measurement_id, key, service=service, target=target, started_at=started_at, kind=kind),
        )
        rows += _steps(measurement_id, name, number, target, started_at)
    if name == "almaty":
        rows += _pair(f"{key}.m0", number)
    if (name, number) != ("aktau", 5):
        rows.append(cycle_end(key, slot(number)))
    blobs = [models.Blob(sha256=sha256(der), kind="certificate", content=der) for der in (FORGED, GENUINE)]
    database.append(name, rows, blobs)


def _steps(measurement_id: str, name: str, number: int, target: str, at: datetime) -> list[models.Base]:
    is_dns_forged = name == "aktau" and number >= 3 and target == "x.com"
    is_reset = name == "almaty" and number in {2, 3, 4} and target == "x.com"
    is_intercepted = name == "almaty" and number >= 2 and target == "kplus-tv.net"
    rows: list[models.Base] = []
    for resolver in ("system", "public"):
        failure = "dns_nxdomain_error" if is_dns_forged and resolver == "system" else None
        observation_id = f"{measurement_id}.{resolver}"
        rows.append(
            observation(
                observation_id,
                measurement_id,
                operation="dns",
                started_at=at,
                failure=failure,
                name=target,
                resolver=resolver,
                transport="system" if resolver == "system" else "udp",
                query_type="A",
            ),
        )
        rows.append(
            models.DnsAnswer(
                observation_id=observation_id,
                position=0,
                delay_s=0.02,
                rcode="NXDOMAIN" if failure else "NOERROR",
                addresses=[] if failure else [TRUE_ADDRESS],
                cnames=[],
                is_valid=True,
                raw=b"\x00",
            ),
        )
    if is_dns_forged:  # the public resolver's address is dialled, and the connection is refused there
        return [*rows, _step(measurement_id, "tcp", target, at, failure="connection_refused")]
    rows.append(_step(measurement_id, "tcp", target, at))
    shown = [sha256(FORGED if is_intercepted else GENUINE)]
    wrong = "ssl_unknown_authority" if is_intercepted else None
    if is_reset:
        rows += [
            _step(measurement_id, "tls", target, at, attempt=attempt, failure="connection_reset")
            for attempt in (1, 2, 3)
        ]
    else:
        rows.append(_step(measurement_id, "tls", target, at, certificates=shown, certificate_failure=wrong))
        if not is_intercepted:
            rows.append(_step(measurement_id, "http", target, at, status=200, url=f"https://{target}/"))
    # An IPv6 address that cannot be reached is dialled last, and changes nothing.
    unreachable = observation(
        f"{measurement_id}.tcp6",
        measurement_id,
        operation="tcp",
        started_at=at,
        attempt=3 if is_reset else 1,
        failure="network_unreachable",
        address="2001:db8::80",
        port=443,
    )
    return [*rows, unreachable]


def _step(
    measurement_id: str, operation: str, target: str, at: datetime, *, attempt: int = 1, **other: Any
) -> models.Observation:
    return observation(
        f"{measurement_id}.{operation}{attempt}",
        measurement_id,
        operation=operation,
        started_at=at,
        attempt=attempt,
        name=target,
        address=TRUE_ADDRESS,
        port=443,
        **other,
    )


def _pair(measurement_id: str, number: int) -> list[models.Base]:
    failed = {"target": number in {1, 2, 3, 4}, "control": number == 1}
    arms = [
        observation(
            f"{measurement_id}.{arm}",
            measurement_id,
            pair_id=f"{measurement_id}.p",
            arm=arm,
            operation="tls",
            failure="connection_reset" if failed[arm] else None,
            is_peer_hello_received=not failed[arm],
        )
        for arm in ("target", "control")
    ]
    pair = models.Pair(
        pair_id=f"{measurement_id}.p",
        measurement_id=measurement_id,
        number=number,
        name_kind="sni",
        peer="helper",
        address="198.51.100.7",
        port=443,
        target_name="x.com",
        control_name="q.com",
        is_target_first=number % 2 == 0,
        is_negative_control=False,
        target_observation_id=f"{measurement_id}.target",
        control_observation_id=f"{measurement_id}.control",
    )
    return [*arms, pair]


def _conclusions() -> list[models.Base]:
    rows: list[models.Base] = [
        models.Analysis(analysis_id=1, ruleset="2026.1", software_version="0.1.0", facts_sha256="dd" * 32),
    ]
    for name in PLACES:
        for number in range(6):
            if (name, number) == ("aktau", 4):
                continue
            for order, target in enumerate(SERVICES):
                state = "ok"
                if name == "almaty" and target == "x.com" and number in {2, 3, 4}:
                    state = "suspected" if number == 2 else "blocked"
                if name == "almaty" and target == "kplus-tv.net" and number >= 2:
                    state = "tampered"
                if name == "aktau" and target == "x.com" and number >= 3:
                    state = "suspected"
                rows.append(
                    models.State(
                        measurement_id=f"{name}.{number}.m{order}",
                        state=state,
                        mechanisms=["tls.reset.sni"] if state == "blocked" else [],
                        reason="As the story has it.",
                    ),
                )
    return rows
