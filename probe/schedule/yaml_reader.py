"""Read a small YAML file into checked values, and say in one sentence what is wrong with it.

A file is described once, as data: a :class:`Record` names its keys, each with
the parser of its value, and gives them to whatever builds the result (mostly a
dataclass, whose own defaults hold for the keys that are left out). A parser is
a function of a :class:`Place` that returns a value or raises
``place.expected("what should stand there")``.

::

    HOST = Record(Host, {"name": required(text(64)), "port": optional(integer(1, 65_535))})
    TOPOLOGY = Record(Topology, {"hosts": required(ListOf(HOST, at_least=1))})
    topology = read("lab.yaml", TOPOLOGY)

YAML is read as far as its nodes and no further: there are no tags, anchors or
aliases, so nothing is constructed and nothing multiplies, and a plain scalar
is the text that was written (``NO`` is Norway, not *false*). Every refusal is
a :class:`~probe.errors.UserError` of the form
``FILE:LINE: key 'a.b': expected …, got …``.

The parsers of single values are in :mod:`probe.schedule.yaml_scalars`. Neither
module knows anything of schedules; the lab reads its scenarios with them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar

import yaml

from probe.errors import UserError

MAX_FILE_BYTES: Final = 262_144
"""A schedule of 500 targets takes 60 kB; the pure Python scanner reads this much in a few seconds."""

MAX_DEPTH: Final = 20
"""Levels of nesting; what we read needs six."""

MAX_SHOWN_CHARS: Final = 60
"""Of a wrong value, in the sentence that refuses it."""

T = TypeVar("T")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


def shown(value: str) -> str:
    """Give ``value`` in quotes, cut, with everything that a terminal could obey escaped."""
    cut = value if len(value) <= MAX_SHOWN_CHARS else value[: MAX_SHOWN_CHARS - 1] + "…"
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return f"'{escaped}'"


@dataclass(frozen=True, slots=True)
class Place:
    """One value in a file: where it stands, and the node that stands there."""

    file: str
    path: str
    """Dotted, as ``services.twitter.targets[0].url``; empty for the file's top."""
    node: yaml.Node

    @property
    def line(self) -> int:
        """Give the line, from 1."""
        return int(self.node.start_mark.line) + 1

    @property
    def column(self) -> int:
        """Give the column, from 1."""
        return int(self.node.start_mark.column) + 1

    @property
    def scalar(self) -> str | None:
        """Give the text as written; ``None`` where there is nothing, or no scalar."""
        if not isinstance(self.node, yaml.ScalarNode):
            return None
        is_plain = self.node.style is None
        return None if is_plain and self.node.value in _NULLS else str(self.node.value)

    def expected(self, what: str, got: str | None = None) -> UserError:
        """Give the refusal of this value: ``raise place.expected("a port")``."""
        key = f" key {shown(self.path)}:" if self.path else ""
        return UserError(f"{self.file}:{self.line}:{key} expected {what}, got {got or self._got()}")

    def missing(self, key: str) -> Place:
        """Give the place of a key that this mapping lacks: nothing stands there."""
        mark = self.node.start_mark
        nothing = yaml.ScalarNode("tag:yaml.org,2002:null", "", mark, mark)
        return Place(self.file, self._below(key), nothing)

    def entries(self) -> dict[str, Place]:
        """Give the values of a mapping by key; a key that stands twice is refused."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.expected("a mapping (key: value)")
        found: dict[str, Place] = {}
        for key_node, value_node in self.node.value:
            key = Place(self.file, self.path, key_node).scalar
            if key is None:
                raise Place(self.file, self.path, key_node).expected("a plain key")
            if key in found:
                at_second = Place(self.file, self._below(key), key_node)
                raise at_second.expected("each key once", "it twice")
            found[key] = Place(self.file, self._below(key), value_node)
        return found

    def items(self) -> list[Place]:
        """Give the values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.expected("a list")
        return [Place(self.file, f"{self.path}[{i}]", node) for i, node in enumerate(self.node.value)]

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _got(self) -> str:
        if isinstance(self.node, yaml.MappingNode):
            return "a mapping"
        if isinstance(self.node, yaml.SequenceNode):
            return "a list" if self.node.value else "an empty list"
        return "nothing" if self.scalar is None else shown(self.scalar)


Parser: TypeAlias = Callable[[Place], T]


class UnfitError(Exception):
    """Raised by what builds a record, where a value does not go with the record's other values."""

    def __init__(self, key: str, expected: str) -> None:
        super().__init__(key, expected)
        self.key = key
        self.expected = expected


# ---------------------------------------------------------------- structures


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a record."""

    parser: Parser[Any]
    is_required: bool
    into: str | None = None
    """The builder's name for it, where that differs (``cadence`` is written, ``cadence_s`` is built)."""


def required(parser: Parser[Any], into: str | None = None) -> Key:
    """Declare a key that must be there."""
    return Key(parser, is_required=True, into=into)


def optional(parser: Parser[Any], into: str | None = None) -> Key:
    """Declare a key that may be left out; the builder's own default then holds."""
    return Key(parser, is_required=False, into=into)


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """A mapping with known keys, given by name to ``build``."""

    build: Callable[..., T]
    keys: Mapping[str, Key]
    line: str | None = None
    """The key that a bare scalar stands for, where a record may be written as one line."""

    def __call__(self, place: Place) -> T:
        """Parse it."""
        is_one_line = self.line is not None and place.scalar is not None
        entries = {self.line or "": place} if is_one_line else place.entries()
        for name, entry in entries.items():
            if name not in self.keys:
                raise self._unknown(name, entry)
        values = {
            key.into or name: key.parser(entries.get(name) or place.missing(name))
            for name, key in self.keys.items()
            if key.is_required or name in entries
        }
        try:
            return self.build(**values)
        except UnfitError as unfit:
            at_key = entries.get(unfit.key) or place.missing(unfit.key)
            raise at_key.expected(unfit.expected) from None

    def _unknown(self, name: str, entry: Place) -> UserError:
        close = difflib.get_close_matches(name[:MAX_SHOWN_CHARS], self.keys, n=1)
        known = f"a known key (did you mean '{close[0]}'?)" if close else f"one of {', '.join(self.keys)}"
        return entry.expected(known, shown(name))


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list of values of one kind, as a tuple."""

    item: Parser[T]
    at_least: int = 0
    at_most: int = 1000

    def __call__(self, place: Place) -> tuple[T, ...]:
        """Parse it."""
        items = place.items()
        if not self.at_least <= len(items) <= self.at_most:
            raise place.expected(f"a list of {self.at_least} to {self.at_most} entries", f"{len(items)}")
        return tuple(self.item(item) for item in items)


@dataclass(frozen=True, slots=True)
class MapOf(Generic[T]):
    """A mapping whose keys the writer chooses, as a dictionary in the file's order."""

    name: Parser[str]
    item: Parser[T]
    at_least: int = 0
    at_most: int = 1000

    def __call__(self, place: Place) -> dict[str, T]:
        """Parse it."""
        entries = place.entries()
        if not self.at_least <= len(entries) <= self.at_most:
            raise place.expected(f"a mapping of {self.at_least} to {self.at_most} keys", f"{len(entries)}")
        return {self._named(key, entry): self.item(entry) for key, entry in entries.items()}

    def _named(self, key: str, entry: Place) -> str:
        mark = entry.node.start_mark
        return self.name(replace(entry, node=yaml.ScalarNode("", key, mark, mark, style='"')))


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """Any value together with its place, for checks that span several lists."""

    item: Parser[T]

    def __call__(self, place: Place) -> tuple[Place, T]:
        """Parse it."""
        return place, self.item(place)


def key_paths(parser: Parser[Any], path: str = "") -> Iterator[tuple[str, Key]]:
    """Give every key that ``parser`` knows, as ``services.*.targets[].url``: what a page must document."""
    if isinstance(parser, Record):
        for name, key in parser.keys.items():
            below = f"{path}.{name}" if path else name
            yield below, key
            yield from key_paths(key.parser, below)
    elif isinstance(parser, ListOf):
        yield from key_paths(parser.item, f"{path}[]")
    elif isinstance(parser, MapOf):
        yield from key_paths(parser.item, f"{path}.*")
    elif isinstance(parser, Placed):
        yield from key_paths(parser.item, path)


# ---------------------------------------------------------------- files


def read(path: str | Path, parser: Parser[T], *, max_bytes: int = MAX_FILE_BYTES) -> T:
    """Read the file at ``path``; any fault of the file or in it is a ``UserError``."""
    return parse(read_bytes(path, max_bytes), str(path), parser)


def read_bytes(path: str | Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Read at most ``max_bytes`` of a regular file; a larger one is refused."""
    try:
        if not Path(path).is_file():
            raise UserError(f"{path}: expected a file, but there is none; check the path")
        with Path(path).open("rb") as file:
            data = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read ({reason}); check the path and its permissions") from None
    if len(data) > max_bytes:
        raise UserError(f"{path}: expected at most {max_bytes} bytes, got a larger file")
    return data


def parse(data: bytes, file: str, parser: Parser[T]) -> T:
    """Parse ``data``, one YAML document in UTF-8; ``file`` is what the messages call it."""
    try:
        written = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{file}:{line}: expected UTF-8 text, got other bytes") from None
    return parser(Place(file, "", _compose(written, file)))


def _compose(written: str, file: str) -> yaml.Node:
    line = 1
    try:
        node = _Composer(written).get_single_node()
    except yaml.reader.ReaderError as error:
        line = written.count("\n", 0, error.position) + 1
        problem = f"the character {shown(chr(error.character))}"
    except _UnsafeError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = f"an error: {shown(error.problem or error.context or 'unknown')}"
    except (ValueError, OverflowError):
        problem = "an escape or a number beyond all bounds"
    else:
        start = yaml.Mark(file, 0, 0, 0, "", 0)
        return node if node is not None else yaml.ScalarNode("tag:yaml.org,2002:null", "", start, start)
    raise UserError(f"{file}:{line}: expected YAML that can be read, got {problem}")


class _UnsafeError(yaml.MarkedYAMLError):
    """Well-formed YAML that we do not accept."""


class _Composer(yaml.SafeLoader):
    """PyYAML as far as its nodes, without what makes YAML dangerous."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        refused = None
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            refused = "an anchor or alias (& and * are not accepted; quote the text)"
        elif event.tag is not None:
            refused = "a tag (! is not accepted; quote the text)"
        elif self._depth >= MAX_DEPTH:
            refused = f"more than {MAX_DEPTH} levels of nesting"
        if refused:
            raise _UnsafeError(None, None, refused, event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1
