"""Writes the database of a whole fleet: cycles of lab runs, stamped out for many vantages over many days.

Every row is a lab run's own row under another identifier and time. Every cycle
has a seed of its own, and its pairs are drawn from it anew, so that nothing but
the hash chain is false. A country's block of one service, a blackout with slots
that are missed, cycles with loss and rows that come late are mixed in.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from analysis.analyse import conclude
from analysis.reading import read_cycles
from probe.randomness import commitment, is_target_first, scramble
from probe.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SLOT = timedelta(minutes=15)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
SENTINELS = 2
NETWORKS = 8
REGIONS = 6
PER_CYCLE = ("cycle", "cycle_end", "self_check", "link_sample", "measurement")
PER_MEASUREMENT = ("technique_run", "pair", "observation")
MOMENTS = frozenset({"started_at", "ended_at", "sampled_at", "checked_at", "slot_at"})
OWN = frozenset({"cycle_id", "measurement_id", "observation_id", "pair_id", "target_observation_id",
                 "control_observation_id", "technique_run_id", "link_sample_id"})  # fmt: skip


@dataclass(slots=True)
class Template:
    """All rows of one cycle of a lab run, by table."""

    started_at: datetime
    target: str
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def templates(paths: Sequence[Path]) -> dict[str, list[Template]]:
    """Give the cycles of lab runs, sorted by what they show: calm, blocked, dark, lossy, and sentinels'."""
    found: dict[str, list[Template]] = defaultdict(list)
    for path in paths:
        with Database.open(str(path)) as database, database.session() as session:
            cycles = read_cycles(session)
        states: dict[str, set[str]] = defaultdict(set)
        for judged in conclude(cycles).judged:
            states[judged.facts.cycle.cycle_id].add(judged.decision.state.value)
        with sqlite3.connect(path) as connection:
            connection.row_factory = sqlite3.Row
            for cycle in cycles:
                kind = _kind(states[cycle.cycle_id], is_sentinel=cycle.vantage.is_sentinel)
                if kind is not None and cycle.outcome == "complete":
                    found[kind].append(_template(connection, cycle.cycle_id))
    return found


def _kind(states: set[str], *, is_sentinel: bool) -> str | None:
    if is_sentinel:
        return "sentinel" if states == {"ok"} else None
    if states == {"ok"}:
        return "calm"
    for kind in ("blocked", "dark"):
        if kind in states:
            return kind
    return "lossy" if states <= {"ok", "insufficient"} else None


def _template(connection: sqlite3.Connection, cycle_id: str) -> Template:
    rows = {}
    for table in PER_CYCLE:
        query = f"SELECT * FROM {table} WHERE cycle_id = ?"
        rows[table] = [dict(row) for row in connection.execute(query, (cycle_id,))]
    for table in PER_MEASUREMENT:
        query = f"SELECT t.* FROM {table} t JOIN measurement USING (measurement_id) WHERE cycle_id = ?"
        rows[table] = [dict(row) for row in connection.execute(query, (cycle_id,))]
    query = (
        "SELECT a.* FROM dns_answer a JOIN observation USING (observation_id) "
        "JOIN measurement USING (measurement_id) WHERE cycle_id = ?"
    )
    rows["dns_answer"] = [dict(row) for row in connection.execute(query, (cycle_id,))]
    for row in rows["dns_answer"]:
        row["raw"] = b""
    return Template(_moment(rows["cycle"][0]["started_at"]), cycle_id, rows)


class Stamp:
    """Writes cycles into a database, and counts the rows of each vantage's chain."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._chain: dict[str, int] = defaultdict(int)
        self._waiting: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._columns: dict[str, list[str]] = {}
        self.observations = 0

    def vantage(self, row: dict[str, Any]) -> None:
        """Write a vantage."""
        self._add("vantage", row, row["vantage_id"], BEGIN)

    def missed(self, vantage_id: str, slot_at: datetime) -> None:
        """Write a slot that a vantage missed."""
        row = {"missed_slot_id": f"{vantage_id}.{slot_at:%m%d%H%M}", "slot_at": _text(slot_at),
               "noticed_at": _text(slot_at), "reason": "stopped"}  # fmt: skip
        self._add("missed_slot", row, vantage_id, slot_at)

    def cycle(self, template: Template, vantage_id: str, at: datetime, number: int, late: timedelta) -> None:
        """Write a cycle like the template at a vantage and a time."""
        cycle_id = f"c{hashlib.sha256(f'{vantage_id} {number}'.encode()).hexdigest()[:16]}"
        seed = hashlib.sha256(cycle_id.encode()).digest()
        shift = at - template.started_at
        renamed, moved = self._drawn(template, seed)
        for table, rows in template.rows.items():
            for row in rows:
                made = dict(row)
                for column in OWN & made.keys():
                    if made[column] is not None:
                        made[column] = cycle_id + made[column][len(template.target) :]
                if table == "observation":
                    original = row["observation_id"]
                    made["started_mono_s"] = moved.get(original, made["started_mono_s"])
                    made["name"] = renamed.get((row["pair_id"], made["name"]), made["name"])
                elif table == "pair":
                    made["control_name"] = renamed[row["pair_id"], row["control_name"]]
                    made["is_target_first"] = is_target_first(seed, row["number"])
                if table not in {"observation", "dns_answer"}:
                    for column in MOMENTS & made.keys():
                        made[column] = _text(_moment(made[column]) + shift)
                if table == "cycle":
                    made |= {"slot_at": _text(at), "seed_commitment": commitment(seed)}
                elif table == "cycle_end":
                    made["seed"] = seed.hex()
                self._add(table, made, vantage_id, at + late)
        self.observations += len(template.rows["observation"])

    def _drawn(self, template: Template, seed: bytes) -> tuple[dict[tuple[str, str], str], dict[str, float]]:
        """Draw the pairs' names and orders anew: give other names by pair, and other times by step."""
        mono = {row["observation_id"]: row["started_mono_s"] for row in template.rows["observation"]}
        renamed: dict[tuple[str, str], str] = {}
        moved: dict[str, float] = {}
        for pair in template.rows["pair"]:
            renamed[pair["pair_id"], pair["control_name"]] = scramble(seed, pair["number"], pair["target_name"])
            if bool(pair["is_target_first"]) != is_target_first(seed, pair["number"]):
                one, other = pair["target_observation_id"], pair["control_observation_id"]
                moved[one], moved[other] = mono[other], mono[one]
        return renamed, moved

    def _add(self, table: str, row: dict[str, Any], vantage_id: str, received_at: datetime) -> None:
        self._chain[vantage_id] += 1
        row |= {"vantage_id": vantage_id, "chain_seq": self._chain[vantage_id], "chain_sha256": "",
                "received_at": _text(received_at)}  # fmt: skip
        columns = self._columns.setdefault(table, list(row))
        waiting = self._waiting[table]
        waiting.append(tuple(map(row.get, columns)))
        if len(waiting) >= 20_000:
            self.flush(table)

    def flush(self, only: str | None = None) -> None:
        """Write what waits."""
        for table in [only] if only else list(self._waiting):
            columns = self._columns[table]
            places = ", ".join("?" * len(columns))
            query = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
            self._connection.executemany(query, self._waiting.pop(table, []))


def write(path: Path, like: dict[str, list[Template]], observations: int, vantages: int) -> int:
    """Write a fleet's database of at least so many observations; give the true count."""
    Database.open(str(path), create=True).close()
    connection = sqlite3.connect(path)
    for pragma in ("synchronous=OFF", "journal_mode=OFF", "foreign_keys=OFF", "cache_size=-400000"):
        connection.execute(f"PRAGMA {pragma}")
    draw, stamp = random.Random(20111216), Stamp(connection)
    places = [f"v{number:03}" for number in range(vantages)]
    for number, place in enumerate(places):
        is_sentinel = number < SENTINELS
        stamp.vantage({"vantage_id": place, "country": "NL" if is_sentinel else "KZ",
                       "region": "abroad" if is_sentinel else f"r{number % REGIONS}",
                       "network": "AS1" if is_sentinel else f"AS{9198 + number % NETWORKS}", "bearer": "fixed",
                       "role": "control" if is_sentinel else "probe"})  # fmt: skip
    per_slot = vantages * sum(len(t.rows["observation"]) for t in like["calm"]) / len(like["calm"])
    slots = max(int(observations / per_slot), 8)
    blocked, dark = range(slots // 3, slots // 3 + max(slots // 10, 1)), range(slots // 2, slots // 2 + slots // 20 + 1)
    slot = 0
    while stamp.observations < observations:
        at = BEGIN + slot * SLOT
        for number, place in enumerate(places):
            begin, late = at + timedelta(seconds=draw.uniform(1, 120)), timedelta(minutes=draw.choice((1, 1, 1, 900)))
            if number < SENTINELS:
                kind = "sentinel"
            elif slot in dark and number % REGIONS < 2:
                if slot % 3 == 1:
                    stamp.missed(place, at)
                    continue
                kind = "dark"
            elif slot in blocked:
                kind = "blocked"
            else:
                kind = "lossy" if draw.random() < 0.01 and like["lossy"] else "calm"
            stamp.cycle(draw.choice(like[kind]), place, begin, slot, late)
        slot += 1
    stamp.flush()
    connection.commit()
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()
    return stamp.observations
