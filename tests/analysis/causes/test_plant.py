from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analysis.causes.plant import Independence, Kind, Line, Plant, Selector, elements_of
from analysis.causes.plant_file import PLANT, load, plant_of
from analysis.causes.plant_store import read_plant, store_plant
from nameblind.cli import main
from probe.errors import UserError
from probe.schedule.yaml_reader import key_paths
from probe.store.database import Database
from tests.analysis.causes.plants import element, needs, vantage

if TYPE_CHECKING:
    from analysis.facts import VantageFacts

PAGE = (Path(__file__).parents[3] / "docs" / "shared-risk.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("```yaml\n")[2].partition("```")[0]
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def names(plant: Plant, of: VantageFacts, *, is_home: bool = False) -> set[str]:
    return {e.name for e in elements_of(plant.needs_of(of, is_home=is_home))}


# ---------------------------------------------------------------- what is assumed


def test_without_a_file_each_hangs_on_its_line_site_core_country_and_the_way_abroad() -> None:
    one = vantage("one", "AS1", "A", "fixed")
    home, abroad = names(Plant(), one, is_home=True), names(Plant(), one)
    assert home == {"the line of one", "the site of AS1 at A (fixed, KZ)", "the core of AS1 (KZ)", "the core of KZ"}
    assert abroad - home == {"the way abroad of KZ"}
    assert all(e.source is None for e in elements_of(Plant().needs_of(one, is_home=False)))


def test_a_file_that_is_not_complete_takes_nothing_of_that_away() -> None:
    one = vantage("one", "AS1", "A")
    line = Line(who=Selector(network="AS1"), needs=needs(element("duct")), source="x")
    assert names(Plant(lines=(line,)), one) == names(Plant(), one) | {"duct"}
    assert names(Plant(lines=(line,), complete="x"), one) == {"duct"}
    other = vantage("other", "AS2", "A")
    assert names(Plant(lines=(line,), complete="x"), other) == names(Plant(), other)


def test_several_lines_that_speak_of_one_vantage_add_up() -> None:
    lines = (
        Line(who=Selector(network="AS1"), needs=needs(element("core")), abroad=needs(element("cable")), source="x"),
        Line(who=Selector(region="A"), home=needs(element("exchange")), source="x"),
    )
    plant = Plant(lines=lines, complete="x")
    assert names(plant, vantage("one", "AS1", "A")) == {"core", "cable"}
    assert names(plant, vantage("one", "AS1", "A"), is_home=True) == {"core", "exchange"}
    assert names(plant, vantage("one", "AS1", "B"), is_home=True) == {"core"}


def test_only_what_has_sources_throughout_is_documented() -> None:
    line = Line(who=Selector(network="AS1"), needs=needs(element("core")), source="x")
    one = vantage("one", "AS1", "A")
    assert Plant(lines=(line,)).is_documented_for(one)
    assert not Plant().is_documented_for(one)
    assert not Plant(lines=(line, replace(line, source=None))).is_documented_for(one)
    assert not Plant(lines=(replace(line, needs=needs(replace(element("core"), source=None))),)).is_documented_for(one)


@pytest.mark.parametrize("seed", range(20))
def test_the_groups_that_may_share_are_the_largest_without_a_documented_pair(seed: int) -> None:
    draw = random.Random(seed)
    vantages = [vantage(f"v{n}", f"AS{draw.randint(1, 4)}", draw.choice("AB")) for n in range(7)]
    statements = tuple(
        Independence(
            of=tuple(
                Selector(network=f"AS{n}", region=draw.choice([None, "A"]))
                for n in draw.sample(range(1, 5), draw.randint(2, 3))
            ),
            source="x",
        )
        for _ in range(2)
    )
    line = Line(who=Selector(network="AS1"), needs=needs(element("core")), source="x")
    plant = Plant(lines=(line,), independent=statements, complete=draw.choice([None, "x"]))

    def are_apart(one: VantageFacts, other: VantageFacts) -> bool:
        if plant.complete and one.network == other.network == "AS1":
            return True
        sides = [(s.group_of(one), s.group_of(other)) for s in statements]
        return any(None not in pair and pair[0] != pair[1] for pair in sides)

    groups = {
        frozenset(group)
        for size in range(2, 8)
        for group in combinations(vantages, size)
        if not any(are_apart(*pair) for pair in combinations(group, 2))
    }
    largest = {group for group in groups if not any(group < other for other in groups)}
    assert {frozenset(group) for group in plant.groups_that_may_share(vantages)} == largest


# ---------------------------------------------------------------- the file


def test_the_pages_example_can_be_read() -> None:
    plant = plant_of(EXAMPLE.encode(), "example.yaml")
    assert {e.kind for e in plant.elements.values()} == {Kind.FIBRE, Kind.TRANSIT, Kind.EXCHANGE, Kind.SITE}
    duct, relay = plant.elements["western-duct"], plant.elements["radio-relay"]
    assert plant.lines[2].needs[1] == (frozenset({duct}), frozenset({relay}))
    assert plant.elements["tower on the hill"].source is None
    assert plant.complete is None
    assert plant.sha256 is not None


def test_the_page_describes_every_key() -> None:
    described = set(re.findall(r"^\| `([a-z_.*\[\]]+)` \|", PAGE, flags=re.MULTILINE))
    known = {path for path, _ in key_paths(PLANT)}
    assert known - described == {"elements", "lines", "independent"}
    assert described <= known


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "kind: fibre",
            "kind: cable",
            "example.yaml:3: key 'elements.western-duct.kind': expected one of last-mile, site",
        ),
        ("kind: fibre", "kind: unknown", "expected one of last-mile, site"),
        (
            "needs: [western-duct, core of one]",
            "needs: [eastern-duct]",
            "'lines[0].needs[0]': expected an element of this",
        ),
        (
            "[radio-relay]]",
            "[no-relay]]",
            "'lines[2].needs[1].any[1][0]': expected an element of this file, got 'no-relay'",
        ),
        ("any: [western-duct, [radio-relay]]", "any: [western-duct]", "expected a list of 2 to 8 entries, got 1"),
        ("assumed: only one tower is to be seen}", "}", "expected where it is documented, or else, under `assumed`"),
        ("tower is to be seen}", "tower is to be seen, source: x}", "expected where it is documented, or else, under"),
        (
            'source: "operator two, letter of 3 May 2025"\nindependent',
            "assumed: looks so\nindependent",
            "'lines[2].needs': expected a source where there is more than one way: a second way is never assumed",
        ),
        (
            'source: "both operators\' statements to the regulator, 2024"',
            "assumed: they compete",
            "'independent[0].assumed': expected",
        ),
        ("network: AS64497\n    region: Harbour\n    bearer: mobile\n    needs", "needs", "expected whom it is about"),
        ("    needs: [tower on the hill]\n", "", "expected what it hangs on: needs, home or abroad"),
        ("summary:", "sumary:", "did you mean 'summary'"),
        ("elements:", "elements: &all", "expected YAML that can be read"),
    ],
)
def test_a_wrong_file_is_refused_with_line_key_and_what_was_expected(old: str, new: str, said: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(UserError, match=r"^example\.yaml:\d+:") as refused:
        plant_of(EXAMPLE.replace(old, new, 1).encode(), "example.yaml")
    assert said in str(refused.value)


# ---------------------------------------------------------------- the store and the command


def test_what_is_stored_is_read_back_and_replaces_what_was_there(tmp_path: Path) -> None:
    with Database.open(str(tmp_path / "results.db"), create=True) as database:
        with database.session() as session:
            assert read_plant(session) == Plant()
        assert store_plant(database, EXAMPLE.encode(), "one.yaml", NOW)
        assert not store_plant(database, EXAMPLE.encode(), "one.yaml", NOW)
        with database.session() as session:
            assert read_plant(session) == plant_of(EXAMPLE.encode(), "")
        other = EXAMPLE.replace("western", "eastern").encode()
        assert store_plant(database, other, "two.yaml", NOW)
        with database.session() as session:
            assert "eastern-duct" in read_plant(session).elements


def test_the_command_stores_a_file_and_says_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, db = tmp_path / "plant.yaml", str(tmp_path / "results.db")
    path.write_text(EXAMPLE, encoding="utf-8")
    assert main(["import", "plant", str(path), "--db", db]) == 0
    assert "5 elements (1 assumed), 3 statements on lines, 1 on independence: stored." in capsys.readouterr().out
    assert main(["import", "plant", str(path), "--db", db]) == 0
    assert "known already." in capsys.readouterr().out
    with Database.open(db) as database, database.session() as session:
        assert read_plant(session) == load(path)[0]


def test_a_wrong_file_leaves_no_database_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, db = tmp_path / "plant.yaml", tmp_path / "results.db"
    path.write_text(EXAMPLE.replace("kind: fibre", "kind: cable"), encoding="utf-8")
    assert main(["import", "plant", str(path), "--db", str(db)]) == 1
    assert "plant.yaml:3: key 'elements.western-duct.kind'" in capsys.readouterr().err
    assert not db.exists()
    assert main(["import", "plant", str(tmp_path / "none.yaml"), "--db", str(db)]) == 1
    assert "there is none" in capsys.readouterr().err
