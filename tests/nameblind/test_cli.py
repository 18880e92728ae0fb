"""The command: what it offers, how it refuses, and how it ends."""

from __future__ import annotations

import builtins
import io
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from nameblind import start
from nameblind.cli import SUBCOMMANDS, main
from probe import consent

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_help_names_every_subcommand_with_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, subcommand in SUBCOMMANDS.items():
        assert name in shown
        assert subcommand.summary in shown


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_subcommand_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert len(capsys.readouterr().out) > 200


def test_help_imports_no_package_that_a_probe_does_not_need() -> None:
    heavy = ("numpy", "scipy", "jinja2", "pyroute2", "sqlalchemy", "httpx", "cryptography")
    code = (
        "import sys; from nameblind.cli import main; main(['--help']); "
        f"print(*[m for m in {heavy} if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-thing"], "No such command"),
        (["run", "--no-such-option"], "No such option"),
        (["run", "--schedule", "missing.yaml"], "missing.yaml: expected a file"),
        (["analyze"], "results.db does not exist"),
        (["report"], "results.db does not exist"),
        (["verify", "--db", "missing.db"], "missing.db does not exist"),
        (["lab", "run", "no-such-scenario"], "there is no scenario 'no-such-scenario'"),
    ],
)
def test_mistake_ends_with_status_1_and_says_what_is_wrong(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
    assert [path.name for path in tmp_path.iterdir()] == []


def test_missing_extra_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real_import = builtins.__import__

    def without_jinja(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == "jinja2":
            raise ModuleNotFoundError(f"No module named {name!r}", name="jinja2")
        return real_import(name, *arguments, **keywords)

    for module in [m for m in sys.modules if m.startswith(("analysis.report", "jinja2"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without_jinja)
    (path := __import__("pathlib").Path("results.db")).touch()
    assert main(["report", "--db", str(path)]) == 1
    assert "pip install 'nameblind[report]'" in capsys.readouterr().err


def test_without_a_terminal_nothing_is_measured_and_the_reason_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "measure_once", _never)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    reason = start._measure_for_real(Console())
    assert reason == "There is no terminal to ask for consent on."


@pytest.mark.parametrize(
    ("has_route", "words"), [(False, "no way out"), (True, "Nothing is measured"), (None, "Nothing is measured")]
)
def test_without_a_route_or_consent_nothing_is_measured(
    has_route: bool | None, words: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> int:
            return len(text)

        def flush(self) -> None: ...

    monkeypatch.chdir(request.config.rootpath)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(start, "has_default_route", lambda: has_route)
    monkeypatch.setattr(start, "measure_once", _never)
    monkeypatch.setattr(consent, "terminal", lambda: None)
    reason = start._measure_for_real(Console(file=sys.stderr))
    assert reason is not None
    assert words in reason


def _never(*_: object) -> str:
    raise AssertionError("a packet was about to be sent")
