"""Consent: nothing but an understood, typed-out yes to today's text counts."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.clock import SystemClock
from probe.consent import TEXT_VERSION, default_state_dir, dialogue, is_given, stored, terminal, text
from probe.consent.dialogue import MAX_ATTEMPTS, render
from probe.errors import UserError

require = partial(dialogue.require, language="en")

TEXT = text.read_text("en")
RIGHT = [str(question.right) for question in TEXT.questions]
YES = [*RIGHT, TEXT.phrase]


class FixedClock(SystemClock):
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Scripted:
    """A person whose answers are known; an exception among them is raised, and after the last comes the end."""

    def __init__(self, *answers: str | BaseException) -> None:
        self.answers = list(answers)
        self.heard: list[str] = []

    def say(self, text: str) -> None:
        self.heard.append(text)

    def answer(self, prompt: str) -> str:
        self.heard.append(prompt)
        given = self.answers.pop(0) if self.answers else EOFError()
        if isinstance(given, BaseException):
            raise given
        return given


def _give(state_dir: Path) -> None:
    require(state_dir, ask=Scripted(*YES), clock=FixedClock())


def test_understood_and_typed_out_is_consent_to_measure_and_to_nothing_else(tmp_path: Path) -> None:
    consent = require(tmp_path / "state", ask=Scripted(*YES), clock=FixedClock())
    assert consent == stored.Consent(
        text_version=TEXT_VERSION,
        text_sha256=text.text_sha256("en"),
        language="en",
        given_at="2026-11-23T12:00:00+00:00",
        measure=True,
        upload=False,
    )
    assert is_given(tmp_path / "state")


def test_consent_is_for_its_owners_eyes_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        _give(tmp_path / "state")
    finally:
        os.umask(previous)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / stored.FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_consent_that_was_given_is_not_asked_for_again(tmp_path: Path) -> None:
    _give(tmp_path)
    nobody = Scripted()
    assert require(tmp_path, ask=nobody) == require(tmp_path, ask=None)
    assert nobody.heard == []


def test_without_consent_and_with_nobody_to_ask_it_raises(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing was sent: no consent .* run `nameblind consent`"):
        require(tmp_path, ask=None)
    assert not is_given(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [""] * 50,
        ["y"] * 50,
        ["yes"] * 50,
        ["1"] * 50,
        ["2"] * 50,
        ["3"] * 50,
        [KeyboardInterrupt()],
        [*RIGHT],
        [*RIGHT, KeyboardInterrupt()],
        [*RIGHT, *[""] * 50],
        [*RIGHT, *["yes"] * 50],
        [*RIGHT, *[TEXT.phrase[:-1]] * 50],
        [*RIGHT, *[TEXT.phrase.upper()] * 50],
        [*RIGHT, *["no " + TEXT.phrase] * 50],
        [RIGHT[0], TEXT.phrase],
        [TEXT.phrase],
    ],
    ids=repr,
)
def test_nothing_less_than_understanding_and_the_whole_sentence_counts(
    tmp_path: Path, answers: list[str | BaseException]
) -> None:
    with pytest.raises(UserError, match="nothing was sent: consent was not given"):
        require(tmp_path, ask=Scripted(*answers))
    assert not is_given(tmp_path)
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=40).filter(lambda line: line.split() != TEXT.phrase.split()), max_size=40))
def test_no_other_answers_ever_count(tmp_path_factory: pytest.TempPathFactory, answers: list[str]) -> None:
    state_dir = tmp_path_factory.mktemp("state")
    with pytest.raises(UserError):
        require(state_dir, ask=Scripted(*RIGHT, *answers))
    assert not is_given(state_dir)


def test_a_wrong_answer_is_explained_and_asked_again(tmp_path: Path) -> None:
    question = TEXT.questions[0]
    wrong = next(str(n) for n in range(1, len(question.answers) + 1) if n != question.right)
    person = Scripted(wrong, "", *YES)
    require(tmp_path, ask=person)
    heard = " ".join("\n".join(person.heard).split())
    assert heard.count(question.question) == 3
    assert heard.count(" ".join(question.explanation.split())) == 1
    assert heard.count(TEXT.words.not_an_answer) == 1


def test_the_whole_text_is_shown_before_the_first_question(tmp_path: Path) -> None:
    person = Scripted()
    with pytest.raises(UserError):
        require(tmp_path, ask=person)
    assert person.heard[0] == render(TEXT)
    shown = " ".join(render(TEXT).split())
    for section in TEXT.sections:
        assert section.heading in shown
        assert section.body in shown


def test_a_stream_of_nonsense_ends(tmp_path: Path) -> None:
    person = Scripted(*["x"] * 1000)
    with pytest.raises(UserError):
        require(tmp_path, ask=person)
    assert len(person.answers) == 1000 - MAX_ATTEMPTS


def test_no_question_can_be_passed_without_reading() -> None:
    """The same number is not right twice, so that holding one key does not pass."""
    assert len(set(RIGHT)) == len(RIGHT) >= 2


def _as_given(tmp_path: Path, **changes: Any) -> None:
    _give(tmp_path)
    path = tmp_path / stored.FILE_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_changed_text_voids_consent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _give(tmp_path)
    monkeypatch.setattr(stored, "text_sha256", lambda _language, _scope: "0" * 64)
    assert not is_given(tmp_path)
    with pytest.raises(UserError, match="the consent text has changed"):
        require(tmp_path, ask=None)


@pytest.mark.parametrize(
    "changes",
    [
        {"text_version": TEXT_VERSION + 1},
        {"text_version": str(TEXT_VERSION)},
        {"text_version": True},
        {"text_sha256": "0" * 64},
        {"language": "xx"},
        {"language": "../en"},
        {"language": None},
        {"given_at": "yesterday"},
        {"given_at": "2026-11-23T12:00:00"},
        {"given_at": "2026-11-23T12:00:00+05:00"},
        {"given_at": "2026-11-23\x1b12:00:00+00:00"},
        {"measure": False},
        {"measure": "true"},
        {"measure": 1},
        {"upload": None},
        {"more": 1},
    ],
    ids=repr,
)
def test_a_file_that_is_not_exactly_ours_is_no_consent(tmp_path: Path, changes: dict[str, Any]) -> None:
    _as_given(tmp_path, **changes)
    assert not is_given(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 4000,
        b'{"measure": NaN}',
        b" " * 10_000,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_corrupted_file_is_no_consent(tmp_path: Path, content: bytes) -> None:
    _give(tmp_path)
    (tmp_path / stored.FILE_NAME).write_bytes(content)
    assert not is_given(tmp_path)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_damaged_file_never_raises_and_never_widens_consent(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    state_dir = tmp_path_factory.mktemp("state")
    _give(state_dir)
    path = state_dir / stored.FILE_NAME
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    if is_given(state_dir):
        assert not stored.read(state_dir).upload


def test_a_key_that_stands_twice_is_no_consent(tmp_path: Path) -> None:
    _give(tmp_path)
    path = tmp_path / stored.FILE_NAME
    path.write_text(path.read_text().replace('"measure": true', '"measure": false,\n  "measure": true'))
    assert not is_given(tmp_path)


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o606])
def test_a_file_that_others_may_touch_is_no_consent(tmp_path: Path, mode: int) -> None:
    _give(tmp_path)
    (tmp_path / stored.FILE_NAME).chmod(mode)
    assert not is_given(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_no_consent(tmp_path: Path) -> None:
    _give(tmp_path)
    os.chown(tmp_path / stored.FILE_NAME, 12_345, -1)
    assert not is_given(tmp_path)


def test_a_link_a_folder_or_a_pipe_in_its_place_is_no_consent(tmp_path: Path) -> None:
    _give(tmp_path / "real")
    real = tmp_path / "real" / stored.FILE_NAME
    for kind in ("link", "folder", "pipe"):
        path = tmp_path / kind / stored.FILE_NAME
        path.parent.mkdir()
        if kind == "link":
            path.symlink_to(real)
        elif kind == "folder":
            path.mkdir()
        else:
            os.mkfifo(path, 0o600)
        assert not is_given(path.parent)


def test_consent_that_cannot_be_stored_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="consent cannot be stored"):
        require(tmp_path / "file" / "state", ask=Scripted(*YES))


def test_consent_can_be_withdrawn(tmp_path: Path) -> None:
    _give(tmp_path)
    assert stored.revoke(tmp_path)
    assert not is_given(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not stored.revoke(tmp_path)


def test_the_state_folder_follows_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_state_dir() == tmp_path / "nameblind"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "relative")  # the specification has relative paths ignored
    assert default_state_dir() == tmp_path / ".local" / "state" / "nameblind"


def test_an_unknown_language_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no consent text in 'xx'; choose one of: en"):
        require(tmp_path, ask=Scripted(*YES), language="xx")


@pytest.mark.parametrize("scope", text.Scope)
@pytest.mark.parametrize("language", ["en", "kk", "ru"])
def test_every_language_says_as_much_as_english(language: str, scope: text.Scope) -> None:
    english, other = text.read_text("en", scope), text.read_text(language, scope)
    assert text.languages(scope) == ["en", "kk", "ru"]
    assert other.version == text.TEXT_VERSIONS[scope]
    assert len(other.sections) == len(english.sections)
    assert [question.right for question in other.questions] == [q.right for q in english.questions]
    assert [len(question.answers) for question in other.questions] == [len(q.answers) for q in english.questions]


def test_consent_to_measure_is_none_to_upload_and_the_other_way_round(tmp_path: Path) -> None:
    require(tmp_path, ask=Scripted(*YES))
    assert (stored.is_given(tmp_path), stored.is_given(tmp_path, text.Scope.UPLOAD)) == (True, False)
    words = text.read_text("en", text.Scope.UPLOAD)
    answers = [str(question.right) for question in words.questions]
    given = require(tmp_path, ask=Scripted(*answers, words.phrase), scope=text.Scope.UPLOAD)
    assert (given.measure, given.upload) == (False, True)
    assert stored.revoke(tmp_path)
    assert (stored.is_given(tmp_path), stored.is_given(tmp_path, text.Scope.UPLOAD)) == (False, True)
    (tmp_path / stored.FILE_NAMES[text.Scope.UPLOAD]).rename(tmp_path / stored.FILE_NAME)
    assert not stored.is_given(tmp_path)


def _command(tmp_path: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "nameblind", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60, **options)


def test_without_a_terminal_there_is_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as silent:
        monkeypatch.setattr(sys, "stdin", silent)
        assert terminal() is None
    monkeypatch.setattr(sys, "stdin", None)
    assert terminal() is None


def test_the_command_takes_no_consent_from_a_pipe(tmp_path: Path) -> None:
    piped = _command(tmp_path, "consent", input="\n".join([*YES, ""]).encode())
    assert (piped.returncode, piped.stdout) == (1, b"")
    assert b"no terminal to ask on" in piped.stderr
    assert not is_given(tmp_path / "nameblind")


def test_the_command_asks_on_a_terminal_shows_and_withdraws(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, "\n".join(["", "xx", "en", *YES, ""]).encode())  # the language is asked for, without a default
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    asked = subprocess.Popen(
        [sys.executable, "-m", "nameblind", "consent"], stdin=theirs, stdout=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # Linux says EIO when the other side of a pseudo-terminal is closed
        pass
    os.close(ours)
    assert asked.wait(timeout=60) == 0
    assert b"Consent to measure: given" in shown
    assert b"Consent to upload: not given" in shown
    assert is_given(tmp_path / "nameblind")
    status = json.loads(_command(tmp_path, "consent", "--json").stdout)
    assert (status["consent"]["measure"], status["consent"]["upload"]) == (True, False)
    assert _command(tmp_path, "consent", "--revoke").stdout == b"Consent is withdrawn.\n"
    status = json.loads(_command(tmp_path, "consent", "--json").stdout)
    assert (status["consent"], status["upload"]) == (None, None)
    assert status["reason"] == "no consent has been given on this machine"


def _file(tmp_path: Path, **changes: object) -> Path:
    written = {
        "responsible": "Somebody Responsible",
        "language": "en",
        "measure": text.text_sha256("en"),
        "upload": text.text_sha256("en", text.Scope.UPLOAD),
    } | changes
    file = tmp_path / "agreed.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in written.items() if value is not None))
    return file


@pytest.mark.parametrize("upload", [True, False])
def test_where_nobody_sits_a_file_names_who_answers_and_what_was_read(tmp_path: Path, *, upload: bool) -> None:
    file = _file(tmp_path) if upload else _file(tmp_path, upload=None)
    taken = _command(tmp_path, "consent", "--file", str(file))
    assert (taken.returncode, taken.stderr) == (0, b"")
    state_dir = tmp_path / "nameblind"
    assert (is_given(state_dir), is_given(state_dir, text.Scope.UPLOAD)) == (True, upload)
    assert all(b"Somebody" not in kept.read_bytes() for kept in state_dir.iterdir())


@pytest.mark.parametrize(
    "changes",
    [
        {"measure": "0" * 64},
        {"upload": "0" * 64},
        {"measure": text.text_sha256("ru")},
        {"responsible": None},
        {"language": "xx"},
        {"yes": "true"},
    ],
)
def test_a_file_that_is_wrong_or_of_another_text_gives_no_consent(tmp_path: Path, changes: dict[str, object]) -> None:
    taken = _command(tmp_path, "consent", "--file", str(_file(tmp_path, **changes)))
    assert taken.returncode == 1
    assert taken.stderr.count(b"\n") == 1
    assert not any(is_given(tmp_path / "nameblind", scope) for scope in text.Scope)
