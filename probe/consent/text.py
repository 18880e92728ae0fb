"""What a person reads before consenting: one YAML file for each language, beside this module.

Consent to measure and consent to upload are two (:class:`Scope`), each with its text.

To add a language, add its file with the same keys and the same version. The
hash of a file is part of the consent given to it: who changes a word asks again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from probe.errors import UserError
from probe.schedule.yaml_reader import ListOf, Record, UnfitError, parse, read_bytes, required
from probe.schedule.yaml_scalars import integer, text


class Scope(StrEnum):
    """What is consented to."""

    MEASURE = "measure"
    UPLOAD = "upload"


TEXT_VERSIONS: Final = {Scope.MEASURE: 2, Scope.UPLOAD: 1}
"""Raise one when the meaning of its text changes, in every language at once."""

TEXT_VERSION: Final = TEXT_VERSIONS[Scope.MEASURE]

_PREFIX: Final = {Scope.MEASURE: "", Scope.UPLOAD: "upload-"}
"""Of the names of the files; what follows is the language."""

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One risk or promise."""

    heading: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question that shows whether the text was understood."""

    question: str
    answers: tuple[str, ...]
    right: int
    """The number of the right answer, from 1."""
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the dialogue says in between."""

    choose: str
    not_an_answer: str
    wrong: str
    type_phrase: str
    not_the_phrase: str
    given: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentText:
    """The text in one language, as written."""

    version: int
    title: str
    sections: tuple[Section, ...]
    questions: tuple[Question, ...]
    phrase: str
    """What must be typed, whole."""
    words: Words


_LINE = text(300)
_PARAGRAPH = text(2000)


def _question(*, question: str, answers: tuple[str, ...], right: int, explanation: str) -> Question:
    if right > len(answers):
        raise UnfitError("right", f"the number of one of the {len(answers)} answers")
    return Question(question=question, answers=answers, right=right, explanation=explanation)


_TEXT = Record(
    ConsentText,
    {
        "version": required(integer(1, 999)),
        "title": required(_LINE),
        "sections": required(
            ListOf(
                Record(Section, {"heading": required(_LINE), "body": required(_PARAGRAPH)}),
                at_least=1,
            )
        ),
        "questions": required(
            ListOf(
                Record(
                    _question,
                    {
                        "question": required(_LINE),
                        "answers": required(ListOf(_LINE, at_least=2, at_most=9)),
                        "right": required(integer(1, 9)),
                        "explanation": required(_PARAGRAPH),
                    },
                ),
                at_least=2,
            )
        ),
        "phrase": required(text(100)),
        "words": required(
            Record(
                Words,
                {
                    "choose": required(_LINE),
                    "not_an_answer": required(_LINE),
                    "wrong": required(_LINE),
                    "type_phrase": required(_LINE),
                    "not_the_phrase": required(_LINE),
                    "given": required(_LINE),
                },
            )
        ),
    },
)


def languages(scope: Scope = Scope.MEASURE) -> list[str]:
    """List the languages that have a text, by their ISO 639-1 code."""
    return sorted(path.stem.removeprefix(_PREFIX[scope]) for path in _FOLDER.glob(f"{_PREFIX[scope]}??.yaml"))


def text_sha256(language: str, scope: Scope = Scope.MEASURE) -> str:
    """Give the SHA-256 of a language's file in hex; ``UserError`` where there is no such language."""
    return hashlib.sha256(_bytes(language, scope)).hexdigest()


def read_text(language: str, scope: Scope = Scope.MEASURE) -> ConsentText:
    """Read the text in ``language``; ``UserError`` where there is no such language."""
    return parse(_bytes(language, scope), f"{_PREFIX[scope]}{language}.yaml", _TEXT)


def _bytes(language: str, scope: Scope) -> bytes:
    known = languages(scope)
    if language not in known:
        raise UserError(f"there is no consent text in {language!r}; choose one of: {', '.join(known)}")
    return read_bytes(_FOLDER / f"{_PREFIX[scope]}{language}.yaml")
