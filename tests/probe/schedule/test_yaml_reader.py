"""The YAML reader: it gives a value, or refuses in one sentence with file, line and key; nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe.errors import UserError
from probe.schedule.loader import SCHEDULE
from probe.schedule.model import Schedule
from probe.schedule.yaml_reader import (
    MAX_DEPTH,
    MAX_FILE_BYTES,
    ListOf,
    MapOf,
    Parser,
    Place,
    Record,
    UnfitError,
    key_paths,
    optional,
    parse,
    read,
    required,
)
from probe.schedule.yaml_scalars import boolean, duration, integer, matching, number, one_of, text

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Host:
    name: str
    port: int = 80
    rate_s: float = 1.0


@dataclass(frozen=True)
class Net:
    hosts: tuple[Host, ...]
    links: dict[str, bool]


def _host(**values: Any) -> Host:
    if values["name"] == "root" and "port" in values:
        raise UnfitError("port", "no port, because root has none")
    return Host(**values)


HOST = Record(
    _host,
    {
        "name": required(text(20)),
        "port": optional(integer(1, 65_535)),
        "rate": optional(duration("1s", "1h"), into="rate_s"),
    },
    line="name",
)
NET = Record(
    Net,
    {
        "hosts": required(ListOf(HOST, at_least=1, at_most=3)),
        "links": required(MapOf(matching("[a-z]+", "a lower-case name"), boolean)),
    },
)


def test_a_record_is_built_with_the_builders_defaults_for_what_is_left_out() -> None:
    written = b"hosts:\n  - {name: a, port: 8080, rate: 2m}\n  - b\nlinks: {x: true, y: false}\n"
    assert parse(written, "net.yaml", NET) == Net(
        hosts=(Host("a", 8080, 120.0), Host("b")), links={"x": True, "y": False}
    )


@pytest.mark.parametrize(
    ("written", "line", "key", "expected"),
    [
        ("hosts:\n  - {nam: a}\nlinks: {}", 2, "hosts[0].nam", "did you mean 'name'?"),
        ("hosts:\n  - {zzz: a}\nlinks: {}", 2, "hosts[0].zzz", "one of name, port, rate"),
        ("hosts:\n  - {port: 1}\nlinks: {}", 2, "hosts[0].name", "got nothing"),
        ("hosts:\n  - name:\nlinks: {}", 2, "hosts[0].name", "got nothing"),
        ("hosts:\n  - name: a\n    port: 65536\nlinks: {}", 3, "hosts[0].port", "got '65536'"),
        ("hosts:\n  - name: a\n    name: b\nlinks: {}", 3, "hosts[0].name", "each key once"),
        ("hosts: []\nlinks: {}", 1, "hosts", "a list of 1 to 3 entries, got 0"),
        ("hosts: [a, b, c, d]\nlinks: {}", 1, "hosts", "a list of 1 to 3 entries, got 4"),
        ("hosts: {a: b}\nlinks: {}", 1, "hosts", "expected a list, got a mapping"),
        ("hosts: [[a]]\nlinks: {}", 1, "hosts[0]", "expected a mapping (key: value), got a list"),
        ("hosts: [a]\nlinks:\n  x: yes", 3, "links.x", "one of true, false, got 'yes'"),
        ("hosts: [a]\nlinks:\n  X: true", 3, "links.X", "expected a lower-case name, got 'X'"),
        ("hosts:\n  - {name: root, port: 1}\nlinks: {}", 2, "hosts[0].port", "because root has none"),
        ("hosts: [a]", 1, "links", "expected a mapping"),
    ],
)
def test_a_refusal_names_the_line_the_key_and_what_was_expected(
    written: str, line: int, key: str, expected: str
) -> None:
    with pytest.raises(UserError) as refused:
        parse(written.encode(), "net.yaml", NET)
    sentence = str(refused.value)
    assert sentence.startswith(f"net.yaml:{line}: key '{key}': expected ")
    assert expected in sentence


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("hosts: &a [a]\nlinks: *a", 1),
        ("hosts: [a]\nlinks: !!python/object/apply:os.system [id]", 2),
        ("hosts: [a]\nlinks: !!map {}", 2),
        ("hosts: [a]\nlinks: {}\n---\nhosts: [b]", 3),
        ("hosts: [a\nlinks: {}", 2),
        ("hosts:\n\t- a", 2),
        ('hosts: ["\\UFFFFFFFF"]', 1),
        ("hosts: [a]\nlinks: {\x07: true}", 2),
        ("[" * (MAX_DEPTH + 1), 1),
        ("%YAML 9.9\n---\nhosts: [a]", 1),
        ("? [a, b]\n: c", 1),
        ("", 1),
        ("# nothing", 1),
        ("plain", 1),
    ],
)
def test_yaml_that_is_broken_or_dangerous_is_refused_with_its_line(written: str, line: int) -> None:
    with pytest.raises(UserError, match=f"^net.yaml:{line}: ") as refused:
        parse(written.encode(), "net.yaml", NET)
    assert "\n" not in str(refused.value)


def test_a_merge_key_is_an_unknown_key() -> None:
    with pytest.raises(UserError, match="'<<'"):
        parse(b"<<: {hosts: [a]}\nlinks: {}", "net.yaml", NET)


def test_a_plain_scalar_is_the_text_that_was_written() -> None:
    assert parse(b"[NO, 0x10, 1e5, 2011-12-16, '', '~']", "f", ListOf(_verbatim)) == (
        "NO",
        "0x10",
        "1e5",
        "2011-12-16",
        "",
        "~",
    )


def _verbatim(place: Place) -> str | None:
    return place.scalar


@pytest.mark.parametrize(
    ("parser", "written", "value"),
    [
        (duration("0s", "7d"), "90s", 90.0),
        (duration("0s", "7d"), "1.5h", 5400.0),
        (duration("0s", "7d"), "250ms", 0.25),
        (integer(-5, 5), "-5", -5),
        (number(0, 1), "0.5", 0.5),
        (one_of("a", "b"), "b", "b"),
    ],
)
def test_scalars_are_converted(parser: Parser[Any], written: str, value: object) -> None:
    assert parse(written.encode(), "f", parser) == value


@pytest.mark.parametrize(
    ("parser", "written"),
    [
        (duration("1s", "1h"), "0s"),
        (duration("1s", "1h"), "61m"),
        (duration("1s", "1h"), "15"),
        (duration("1s", "1h"), "-5s"),
        (duration("1s", "1h"), "1h30m"),
        (duration("1s", "1h"), "٣s"),
        (integer(1, 9), "0"),
        (integer(1, 9), "1.0"),
        (integer(1, 9), "9" * 5000),
        (number(0, 9), "nan"),
        (number(0, 9), ".inf"),
        (number(0, 9), "1_0"),
        (text(5), "abcdef"),
        (text(50), '"a\\nb"'),
        (text(50), '"a\\e[2Jb"'),
        (text(50), '"a\\u202eb"'),
        (text(50), '"\\ud800"'),
        (text(50), '""'),
        (boolean, "True"),
    ],
)
def test_scalars_out_of_bounds_are_refused(parser: Parser[Any], written: str) -> None:
    with pytest.raises(UserError, match=r"^f:1: expected "):
        parse(written.encode(), "f", parser)


def test_a_refusal_shows_a_hostile_value_cut_and_escaped() -> None:
    with pytest.raises(UserError) as refused:
        parse(b'"\\e[2J' + b"x" * 5000 + b'"', "f", integer(1, 2))
    assert len(str(refused.value)) < 200
    assert "\x1b" not in str(refused.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: b\nc: \xe9\n")
    for path, reason in (
        (tmp_path / "none.yaml", "expected a file"),
        (tmp_path, "expected a file"),
        (tmp_path / "nul\0", "expected a file|cannot be read"),
        (big, "at most 262144 bytes"),
        (latin, ":2: expected UTF-8"),
    ):
        with pytest.raises(UserError, match=reason):
            read(path, NET)


def test_key_paths_give_every_declared_key() -> None:
    assert [path for path, _ in key_paths(NET)] == [
        "hosts",
        "hosts[].name",
        "hosts[].port",
        "hosts[].rate",
        "links",
    ]


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_KEYS = st.sampled_from([path.split(".")[-1].rstrip("[]*") for path, _ in key_paths(SCHEDULE)]) | st.text(max_size=8)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=25,
)


def _is_refused_well_or_read(written: bytes) -> bool:
    try:
        return isinstance(parse(written, "f.yaml", SCHEDULE), Schedule)
    except UserError as refused:
        return re.fullmatch(r"f\.yaml:\d+: [^\n\x1b]+", str(refused)) is not None


@settings(deadline=None, max_examples=150)
@given(_TREES)
def test_any_tree_gives_a_schedule_or_a_user_error(tree: object) -> None:
    assert _is_refused_well_or_read(
        yaml.safe_dump(tree, allow_unicode=True, sort_keys=False).encode("utf-8", "surrogatepass")
    )


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet=st.sampled_from("ab01 :-[]{}&*!|>%@`'\"#,?\\\n\t~<\x00\x85\u2028\ufeff"), max_size=60))
@example('"\\U99999999"')
@example("%YAML " + "9" * 5000)
@example("? ? ? a")
@example("- &a [*a, *a]")
def test_any_text_gives_a_schedule_or_a_user_error(written: str) -> None:
    assert _is_refused_well_or_read(written.encode())


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=80))
def test_any_bytes_give_a_schedule_or_a_user_error(written: bytes) -> None:
    assert _is_refused_well_or_read(written)
