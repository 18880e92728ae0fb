"""Small, complete facts: every column of every table is filled, so that each can be altered and missed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from probe.store import models

NOON = datetime(2011, 12, 16, 6, 0, tzinfo=UTC)
CERTIFICATE = b"0\x82\x01\x0a not really DER"
BODY = b"<html>K+</html>"
PCAP = b"\xd4\xc3\xb2\xa1 not really packets"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blobs() -> list[models.Blob]:
    return [
        models.Blob(sha256=sha256(CERTIFICATE), kind="certificate", content=CERTIFICATE),
        models.Blob(sha256=sha256(BODY), kind="body", content=BODY),
        models.Blob(sha256=sha256(PCAP), kind="pcap", content=PCAP),
    ]


def vantage(vantage_id: str = "almaty", **other: Any) -> models.Vantage:
    values = {"country": "KZ", "region": "Almaty", "network": "AS9198", "bearer": "fixed", "role": "probe"} | other
    return models.Vantage(vantage_id=vantage_id, **values)


def cycle(cycle_id: str, slot_at: datetime = NOON) -> models.Cycle:
    return models.Cycle(
        cycle_id=cycle_id,
        slot_at=slot_at,
        started_at=slot_at + timedelta(seconds=7, microseconds=5),
        schedule="zhanaozen",
        schedule_sha256="aa" * 32,
        seed_commitment="bb" * 32,
        software_version="0.1.0",
        clock_source="system",
    )


def cycle_end(cycle_id: str, slot_at: datetime = NOON, outcome: str = "complete") -> models.CycleEnd:
    return models.CycleEnd(
        cycle_id=cycle_id,
        ended_at=slot_at + timedelta(minutes=2),
        outcome=outcome,
        seed="cc" * 32,
        bytes_sent=1200,
        bytes_received=3_000_000_000,
    )


def measurement(
    measurement_id: str,
    cycle_id: str,
    *,
    service: str = "Twitter",
    target: str = "x.com",
    started_at: datetime = NOON,
    kind: str = "target",
    round_: str = "main",
) -> models.Measurement:
    return models.Measurement(
        measurement_id=measurement_id,
        cycle_id=cycle_id,
        service=service,
        target=target,
        url=f"https://{target}/",
        kind=kind,
        video="y4De4CSEvAU",
        expect_status=204,
        round=round_,
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=3),
    )


def observation(observation_id: str, measurement_id: str, **other: Any) -> models.Observation:
    values: dict[str, Any] = {
        "pair_id": None,
        "arm": None,
        "attempt": 1,
        "redirect": 0,
        "operation": "http",
        "started_at": NOON,
        "duration_s": 0.123456,
        "started_mono_s": 1234.5,
        "failure": None,
        "name": "x.com",
        "bytes_sent": 0,
        "bytes_received": 0,
    }
    return models.Observation(observation_id=observation_id, measurement_id=measurement_id, **(values | other))


def full_observation(observation_id: str, measurement_id: str, **other: Any) -> models.Observation:
    values: dict[str, Any] = {
        "operation": "tls",
        "failure": "connection_reset",
        "error_text": "reset by peer, ответ \ufffd",
        "address": "192.0.2.1",
        "port": 443,
        "source_port": 40001,
        "bytes_sent": 517,
        "bytes_received": 2900,
        "resolver": "system",
        "transport": "udp",
        "query_type": "A",
        "tls_version": "TLSv1.3",
        "tls_cipher": "TLS_AES_128_GCM_SHA256",
        "alpn": "http/1.1",
        "certificates": [sha256(CERTIFICATE)],
        "certificate_failure": "ssl_unknown_authority",
        "is_peer_hello_received": True,
        "url": "https://x.com/",
        "status": 302,
        "headers": [["server", "nginx"]],
        "location": "/home",
        "body_length_bytes": len(BODY),
        "body_sha256": sha256(BODY),
        "is_body_truncated": False,
        "title": "K+",
        "is_genuine": True,
        "hop_limit": 64,
        "technique": "locus",
        "variant": "target, hop 3",
        "way": "anonymizer",
        "icmp_type": 11,
        "icmp_code": 0,
        "first_byte_s": 0.25,
        "progress": [[0.5, 1460], [1.25, 17520]],
        "body_sketch": "00ff" * 8,
        "fingerprint": "prov_kz_made_up",
        "playability": "UNPLAYABLE",
        "playability_reason": "The uploader has not made this video available in your country",
        "countries": ["DE", "KG"],
    }
    return observation(observation_id, measurement_id, **(values | other))


def full_cycle(number: int, vantage_id: str = "almaty") -> list[models.Base]:
    """Give a cycle with one row or more of every fact table but ``vantage``, no column empty."""
    key = f"{vantage_id}.{number}"
    at = NOON + timedelta(minutes=15 * number)
    return [
        cycle(key, at),
        measurement(f"{key}.m1", key, started_at=at),
        full_observation(f"{key}.o1", f"{key}.m1", pair_id=f"{key}.p1", arm="target", started_at=at),
        full_observation(f"{key}.o2", f"{key}.m1", pair_id=f"{key}.p1", arm="control", started_at=at),
        full_observation(f"{key}.o3", f"{key}.m1", pair_id=None, arm=None, started_at=at),
        models.DnsAnswer(
            observation_id=f"{key}.o3",
            position=0,
            delay_s=0.01,
            rcode="NOERROR",
            addresses=["192.0.2.1", "2001:db8::1"],
            cnames=["edge.example"],
            is_valid=True,
            raw=b"\x00\xff\x10",
        ),
        models.Pair(
            pair_id=f"{key}.p1",
            measurement_id=f"{key}.m1",
            number=number,
            name_kind="sni",
            peer="helper",
            address="198.51.100.7",
            port=443,
            target_name="x.com",
            control_name="q.com",
            is_target_first=False,
            is_negative_control=False,
            target_observation_id=f"{key}.o1",
            control_observation_id=f"{key}.o2",
            technique="pairs",
        ),
        models.TechniqueRun(
            technique_run_id=f"{key}.t1",
            measurement_id=f"{key}.m1",
            technique="packets",
            started_at=at,
            ended_at=at,
            outcome="skipped",
            reason="raw packets were not permitted",
            spent_bytes=0,
        ),
        models.Capture(
            capture_id=f"{key}.k1",
            measurement_id=f"{key}.m1",
            technique="packets",
            variant="target",
            started_at=at,
            packets=2,
            pcap_sha256=sha256(PCAP),
        ),
        models.LinkSample(
            link_sample_id=f"{key}.l1",
            cycle_id=key,
            sampled_at=at,
            is_interface_up=True,
            has_default_route=True,
            is_gateway_answering=False,
            last_hop_answering=3,
            has_ipv6_route=False,
            hash_key="1111222233334444",
            addresses_hash="0123456789abcdef",
            gateway_hash="fedcba9876543210",
            is_gateway_neighbour=True,
            hops=[None, "fedcba9876543210", "0f0f0f0f0f0f0f0f"],
            is_resolver_answering=True,
            power="battery",
            battery_percent=40,
            boot_hash="00ff00ff00ff00ff",
            modem_state="registered",
            modem_registration="home",
            modem_access="lte",
            modem_signal_percent=60,
            modem_failure="ServiceOptionNotSubscribed",
            since_last_s=60.5,
            suspended_s=0.0,
            clock_step_s=-3600.25,
            unchanged_looks=9,
        ),
        models.SelfCheck(
            cycle_id=key,
            checked_at=at,
            way_out="tunnel",
            has_other_line=True,
            has_proxy_settings=False,
            clock_offset_s=-0.5,
            clock_offset_source="http-date",
            clock_witnesses=4,
            resolver_kind="public",
            resolver_network="AS64500",
            network="AS64501",
            network_country="KZ",
            network_source="helper",
            as_table_sha256=sha256(b"table"),
        ),
        cycle_end(key, at),
        models.MissedSlot(
            missed_slot_id=f"{key}.s1",
            slot_at=at + timedelta(minutes=1),
            noticed_at=at + timedelta(minutes=2),
            reason="asleep",
        ),
        models.Imported(
            measurement_id=f"{key}.m1",
            source="ooni",
            test_name="web_connectivity",
            test_version="0.5.28",
            software="ooniprobe 3.22.0",
            report_id="20111216T060000Z_webconnectivity_KZ_9198_n1_x",
            measurement_uid="20111216060000.000000_KZ_webconnectivity_0000000000000000",
            content_sha256="dd" * 32,
        ),
    ]
