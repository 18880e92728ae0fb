"""Ask for consent, and require it.

No question has a default. A wrong answer explains and asks again; an end of
input, an interruption, silence or a stream of nonsense ends without consent.
"""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Final, Protocol

import typer

from probe.clock import Clock, SystemClock
from probe.consent.stored import Consent, NoConsentError, consent_now, read, write
from probe.consent.text import Scope, languages, read_text
from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from probe.consent.text import ConsentText, Question

WIDTH: Final = 78
MAX_ATTEMPTS: Final = 10
"""At one question; a person needs two or three, a program that types at random would go on for ever."""

_SYSTEM_CLOCK: Final = SystemClock()
_COMMANDS: Final = {Scope.MEASURE: "nameblind consent", Scope.UPLOAD: "nameblind consent --upload"}


_CALLED: Final = {"en": "English", "kk": "Қазақша", "ru": "Русский"}


class Asker(Protocol):
    """A person who can read and type."""

    def say(self, text: str) -> None:
        """Show ``text``."""
        ...

    def answer(self, prompt: str) -> str:
        """Ask for one line; ``EOFError`` or ``KeyboardInterrupt`` where none comes."""
        ...


class TerminalAsker:
    """Whoever sits at the terminal."""

    def say(self, text: str) -> None:
        """Print ``text``."""
        typer.echo(text)

    def answer(self, prompt: str) -> str:
        """Read one line; bytes that are no text are no answer."""
        try:
            return input(prompt)
        except UnicodeDecodeError:
            return ""


def terminal() -> Asker | None:
    """Give who sits at the terminal; ``None`` where input or output is no terminal."""
    streams = (sys.stdin, sys.stdout)
    return TerminalAsker() if all(stream is not None and stream.isatty() for stream in streams) else None


def require(
    state_dir: Path,
    *,
    ask: Asker | None,
    language: str | None = None,
    scope: Scope = Scope.MEASURE,
    clock: Clock = _SYSTEM_CLOCK,
) -> Consent:
    """Give a valid consent, asking for it where there is none; ``UserError`` without one.

    Call it before the first packet. ``ask`` is ``None`` where nobody can be asked. The language is asked for where
    it is not given: consent to a text that one cannot read is none.
    """
    try:
        return read(state_dir, scope)
    except NoConsentError as absent:
        reason = str(absent)
    if ask is None:
        raise UserError(
            f"nothing was sent: {reason}, and there is no terminal to ask on; "
            f"run `{_COMMANDS[scope]}` in a terminal first"
        )
    chosen = language or _language(ask, scope)
    if chosen is None or not _is_agreed(text := read_text(chosen, scope), ask):
        raise UserError(f"nothing was sent: consent was not given; `{_COMMANDS[scope]}` asks again")
    consent = consent_now(clock.now(), chosen, scope)
    write(state_dir, consent)
    ask.say(text.words.given)
    return consent


def _language(ask: Asker, scope: Scope) -> str | None:
    """Ask which language somebody reads; there is no default. ``None`` where no answer comes."""
    known = languages(scope)
    try:
        for _ in range(MAX_ATTEMPTS):
            ask.say("\n".join(f"  {code}  {_CALLED.get(code, code)}" for code in known))
            answer = ask.answer("Language · Тіл · Язык: ").strip().lower()
            if answer in known:
                return answer
    except (EOFError, KeyboardInterrupt):
        pass
    return None


def _is_agreed(text: ConsentText, ask: Asker) -> bool:
    try:
        ask.say(render(text))
        is_understood = all(_is_understood(question, text, ask) for question in text.questions)
        return is_understood and _is_typed_out(text, ask)
    except (EOFError, KeyboardInterrupt):
        return False


def _is_understood(question: Question, text: ConsentText, ask: Asker) -> bool:
    numbered = [f"  {number}) {answer}" for number, answer in enumerate(question.answers, start=1)]
    for _ in range(MAX_ATTEMPTS):
        ask.say("\n".join(["", question.question, *numbered]))
        answer = ask.answer(text.words.choose).strip()
        if answer == str(question.right):
            return True
        is_an_answer = answer in map(str, range(1, len(question.answers) + 1))
        ask.say(_wrapped(f"{text.words.wrong} {question.explanation}") if is_an_answer else text.words.not_an_answer)
    return False


def _is_typed_out(text: ConsentText, ask: Asker) -> bool:
    ask.say("\n" + _wrapped(text.words.type_phrase))
    for _ in range(MAX_ATTEMPTS):
        answer = ask.answer(f"\n  {text.phrase}\n> ")
        if answer.split() == text.phrase.split():
            return True
        ask.say(text.words.not_the_phrase)
    return False


def render(text: ConsentText) -> str:
    """Give the text as it is shown before the questions."""
    paragraphs = [text.title]
    paragraphs += [f"{section.heading}\n{_wrapped(section.body, '  ')}" for section in text.sections]
    return "\n\n".join(paragraphs)


def _wrapped(paragraph: str, indent: str = "") -> str:
    return textwrap.fill(paragraph, WIDTH, initial_indent=indent, subsequent_indent=indent)
