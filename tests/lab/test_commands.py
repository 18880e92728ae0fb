"""The command line of the lab."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lab import scenario_file
from lab.commands import app
from probe.errors import UserError

runner = CliRunner()


def test_the_list_names_every_scenario() -> None:
    shown = runner.invoke(app, ["list"], terminal_width=300)
    assert shown.exit_code == 0
    assert all(name in shown.output for name in scenario_file.names())


@pytest.mark.parametrize("arguments", [[], ["run"], ["exec"], ["score"]])
def test_help_teaches_with_an_example(arguments: list[str]) -> None:
    shown = runner.invoke(app, [*arguments, "--help"])
    assert shown.exit_code == 0
    assert "nameblind lab" in shown.output


@pytest.mark.lab
def test_exec_passes_on_the_exit_status(capfd: pytest.CaptureFixture[str]) -> None:
    command = ["exec", "sni-reset", "vantage-a", "--", "sh", "-c", "head -1 /etc/resolv.conf; exit 9"]
    assert runner.invoke(app, command).exit_code == 9
    assert capfd.readouterr().out == "nameserver 2.72.0.53\n"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sni-reset", "vantage-z", "--", "true"], "has no host 'vantage-z': choose one of"),
        (["sni-reset", "vantage-a", "--", "no-such-program"], "no program 'no-such-program'"),
        (["--slot", "9", "sni-reset", "vantage-a", "--", "true"], "has 3 slots"),
    ],
)
def test_exec_refuses_what_it_cannot_do(arguments: list[str], said: str) -> None:
    result = runner.invoke(app, ["exec", *arguments])
    assert isinstance(result.exception, UserError)
    assert said in str(result.exception)
