"""The views for analysts, contract version 1, in SQL that SQLite and PostgreSQL read alike.

``docs/schema.md`` describes every column. The order of the list is that of
creation: later views build on earlier ones.
"""

from __future__ import annotations

# The furthest step of the last attempt says what a measurement came to: beside a TLS handshake that was reset,
# an IPv6 address that could not be reached is not the news.
_ANSWERING = """
CREATE VIEW v_answering AS
SELECT m.measurement_id, m.cycle_id, m.vantage_id, v.country, v.region, v.network, v.bearer, v.role,
       m.service, m.target, m.url, m.kind, m.round, c.slot_at, m.started_at, m.ended_at,
       COALESCE(o.operation = 'http' AND o.failure IS NULL, FALSE) AS is_answering,
       o.observation_id AS last_observation_id,
       o.operation AS last_operation,
       COALESCE(o.failure, o.certificate_failure) AS last_failure,
       o.status AS last_status,
       o.attempt AS attempts
FROM measurement m
JOIN vantage v ON v.vantage_id = m.vantage_id
JOIN cycle c ON c.cycle_id = m.cycle_id
LEFT JOIN observation o ON o.observation_id = (
    SELECT s.observation_id FROM observation s
    WHERE s.measurement_id = m.measurement_id AND s.pair_id IS NULL AND s.operation <> 'hop'
    ORDER BY s.attempt DESC, s.redirect DESC,
             CASE s.operation WHEN 'http' THEN 4 WHEN 'tls' THEN 3 WHEN 'tcp' THEN 2 ELSE 1 END DESC,
             s.chain_seq DESC
    LIMIT 1
)
"""

# A good measurement opens a group, and the bad ones after it belong to it: the groups with a bad one are the runs.
_SILENCE = """
CREATE VIEW v_silence AS
WITH marked AS (
    SELECT vantage_id, service, target, kind, started_at, is_answering,
           SUM(CASE WHEN is_answering THEN 1 ELSE 0 END)
               OVER (PARTITION BY vantage_id, service, target, kind ORDER BY started_at, measurement_id
                     ROWS UNBOUNDED PRECEDING) AS good_until
    FROM v_answering
), runs AS (
    SELECT vantage_id, service, target, kind, good_until,
           MAX(CASE WHEN is_answering THEN started_at END) AS last_good_before,
           MIN(CASE WHEN is_answering THEN NULL ELSE started_at END) AS first_bad_at,
           MAX(CASE WHEN is_answering THEN NULL ELSE started_at END) AS last_bad_at,
           SUM(CASE WHEN is_answering THEN 0 ELSE 1 END) AS measurements
    FROM marked GROUP BY vantage_id, service, target, kind, good_until
), bounded AS (
    SELECT runs.*, LEAD(last_good_before)
               OVER (PARTITION BY vantage_id, service, target, kind ORDER BY good_until) AS first_good_after
    FROM runs
)
SELECT b.vantage_id, v.country, v.region, v.network, v.bearer, v.role, b.service, b.target, b.kind,
       b.last_good_before, b.first_bad_at, b.last_bad_at, b.first_good_after, b.measurements
FROM bounded b JOIN vantage v ON v.vantage_id = b.vantage_id
WHERE b.measurements > 0
"""

_MEASUREMENT = """
CREATE VIEW v_measurement AS
SELECT a.measurement_id, a.cycle_id, a.vantage_id, a.country, a.region, a.network, a.bearer, a.role,
       a.service, a.target, a.url, a.kind, m.video, m.expect_status, a.round,
       c.schedule, c.schedule_sha256, c.software_version, c.clock_source, a.slot_at, a.started_at, a.ended_at,
       a.is_answering, a.last_observation_id, a.last_operation, a.last_failure, a.last_status, a.attempts, s.state
FROM v_answering a
JOIN measurement m ON m.measurement_id = a.measurement_id
JOIN cycle c ON c.cycle_id = a.cycle_id
LEFT JOIN state s ON s.measurement_id = a.measurement_id
"""

_STATE = """
CREATE VIEW v_state AS
SELECT s.measurement_id, m.cycle_id, m.vantage_id, v.country, v.region, v.network, v.bearer, v.role,
       m.service, m.target, m.kind, m.round, c.slot_at, m.started_at,
       s.state, s.mechanisms, s.reason, (SELECT ruleset FROM analysis) AS ruleset
FROM state s
JOIN measurement m ON m.measurement_id = s.measurement_id
JOIN vantage v ON v.vantage_id = m.vantage_id
JOIN cycle c ON c.cycle_id = m.cycle_id
"""

_OUTAGE = """
CREATE VIEW v_outage AS
WITH marked AS (
    SELECT vantage_id, service, target, kind, started_at, state,
           SUM(CASE WHEN state = 'ok' THEN 1 ELSE 0 END)
               OVER (PARTITION BY vantage_id, service, target, kind ORDER BY started_at, measurement_id
                     ROWS UNBOUNDED PRECEDING) AS good_until
    FROM v_state
), runs AS (
    SELECT vantage_id, service, target, kind, good_until,
           MAX(CASE WHEN state = 'ok' THEN started_at END) AS last_good_before,
           MIN(CASE WHEN state <> 'ok' THEN started_at END) AS first_bad_at,
           MAX(CASE WHEN state <> 'ok' THEN started_at END) AS last_bad_at,
           SUM(CASE WHEN state <> 'ok' THEN 1 ELSE 0 END) AS measurements,
           MAX(CASE state WHEN 'blocked' THEN ' blocked' ELSE '' END)
           || MAX(CASE state WHEN 'tampered' THEN ' tampered' ELSE '' END)
           || MAX(CASE state WHEN 'throttled' THEN ' throttled' ELSE '' END)
           || MAX(CASE state WHEN 'suspected' THEN ' suspected' ELSE '' END)
           || MAX(CASE state WHEN 'withheld' THEN ' withheld' ELSE '' END)
           || MAX(CASE state WHEN 'down' THEN ' down' ELSE '' END)
           || MAX(CASE state WHEN 'dark' THEN ' dark' ELSE '' END)
           || MAX(CASE state WHEN 'local' THEN ' local' ELSE '' END)
           || MAX(CASE state WHEN 'insufficient' THEN ' insufficient' ELSE '' END) AS states
    FROM marked GROUP BY vantage_id, service, target, kind, good_until
), bounded AS (
    SELECT runs.*, LEAD(last_good_before)
               OVER (PARTITION BY vantage_id, service, target, kind ORDER BY good_until) AS first_good_after
    FROM runs
)
SELECT b.vantage_id, v.country, v.region, v.network, v.bearer, v.role, b.service, b.target, b.kind,
       b.last_good_before, b.first_bad_at, b.last_bad_at, b.first_good_after, b.measurements,
       TRIM(b.states) AS states
FROM bounded b JOIN vantage v ON v.vantage_id = b.vantage_id
WHERE b.measurements > 0
"""

_STEP = """
CREATE VIEW v_step AS
SELECT o.observation_id, o.measurement_id, m.cycle_id, m.vantage_id, v.country, v.region, v.network, v.bearer, v.role,
       m.service, m.target, m.kind, m.round, c.slot_at, o.attempt, o.redirect, o.operation, o.started_at, o.duration_s,
       o.failure, o.error_text, o.name, o.address, o.port, o.source_port, o.bytes_sent, o.bytes_received,
       o.resolver, o.transport, o.query_type,
       o.tls_version, o.tls_cipher, o.alpn, o.certificates, o.certificate_failure, o.is_peer_hello_received,
       o.url, o.status, o.headers, o.location, o.body_length_bytes, o.body_sha256, o.is_body_truncated, o.title
FROM observation o
JOIN measurement m ON m.measurement_id = o.measurement_id
JOIN vantage v ON v.vantage_id = m.vantage_id
JOIN cycle c ON c.cycle_id = m.cycle_id
WHERE o.pair_id IS NULL
"""

_PAIR = """
CREATE VIEW v_pair AS
SELECT p.pair_id, p.measurement_id, m.cycle_id, m.vantage_id, v.country, v.region, v.network, v.bearer, v.role,
       m.service, m.target, m.kind, c.slot_at, p.number, p.name_kind, p.peer, p.address, p.port,
       p.is_negative_control, p.is_target_first, p.target_name, p.control_name,
       t.started_at AS target_started_at, t.operation AS target_operation, t.failure AS target_failure,
       COALESCE(t.is_peer_hello_received, t.operation = 'http' AND t.bytes_received > 0) AS is_target_peer_heard,
       n.started_at AS control_started_at, n.operation AS control_operation, n.failure AS control_failure,
       COALESCE(n.is_peer_hello_received, n.operation = 'http' AND n.bytes_received > 0) AS is_control_peer_heard
FROM pair p
JOIN measurement m ON m.measurement_id = p.measurement_id
JOIN vantage v ON v.vantage_id = m.vantage_id
JOIN cycle c ON c.cycle_id = m.cycle_id
JOIN observation t ON t.observation_id = p.target_observation_id
JOIN observation n ON n.observation_id = p.control_observation_id
"""

_SLOT = """
CREATE VIEW v_slot AS
SELECT c.vantage_id, v.country, v.region, v.network, v.bearer, v.role, c.slot_at,
       CASE WHEN e.outcome = 'complete' THEN 'ran' ELSE 'interrupted' END AS outcome,
       CASE WHEN e.cycle_id IS NULL THEN 'no_end' END AS reason,
       c.cycle_id, c.started_at, e.ended_at
FROM cycle c
JOIN vantage v ON v.vantage_id = c.vantage_id
LEFT JOIN cycle_end e ON e.cycle_id = c.cycle_id
UNION ALL
SELECT s.vantage_id, v.country, v.region, v.network, v.bearer, v.role, s.slot_at,
       'missed', s.reason, NULL, NULL, NULL
FROM missed_slot s
JOIN vantage v ON v.vantage_id = s.vantage_id
"""

_DNS_ANSWER = """
CREATE VIEW v_dns_answer AS
SELECT a.observation_id, a.position, o.measurement_id, m.cycle_id, m.vantage_id,
       v.country, v.region, v.network, v.bearer, v.role, m.service, m.target, m.kind, c.slot_at, o.started_at,
       o.attempt, o.redirect, o.resolver, o.transport, o.name, o.query_type, o.failure,
       a.delay_s, a.rcode, a.addresses, a.cnames, a.is_valid
FROM dns_answer a
JOIN observation o ON o.observation_id = a.observation_id
JOIN measurement m ON m.measurement_id = o.measurement_id
JOIN vantage v ON v.vantage_id = m.vantage_id
JOIN cycle c ON c.cycle_id = m.cycle_id
"""

STATEMENTS = (
    _ANSWERING,
    _SILENCE,
    _MEASUREMENT,
    _STATE,
    _OUTAGE,
    _STEP,
    _PAIR,
    _SLOT,
    _DNS_ANSWER,
)
