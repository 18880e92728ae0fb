"""The command ``nameblind``: it assembles the subcommands that each package offers, and imports them when called.

A volunteer's probe must start light, so a subcommand is named here by its
module and a sentence, and only the one that was asked for is imported.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass

import typer

from probe.errors import PassedOnExit, UserError


@dataclass(frozen=True, slots=True)
class Subcommand:
    """Where a subcommand lives, and what it does in a sentence."""

    module: str
    attribute: str
    summary: str
    extra: str = ""
    """The optional extra that it needs; a probe's own subcommands need none."""


INTERRUPTED = 130
"""128 and the number of SIGINT; typer gives it too."""

OUR_PACKAGES = frozenset({"probe", "analysis", "lab", "collector", "nameblind"})

SUBCOMMANDS = {
    "start": Subcommand(
        "nameblind.start",
        "start",
        "The first minute: measure once (or in the lab), judge, report.",
        "report,lab",
    ),
    "plan": Subcommand("probe.commands.plan", "plan", "Show what a schedule would contact, before any consent."),
    "consent": Subcommand("probe.commands.consent", "consent", "Read the risks; give or withdraw consent."),
    "run": Subcommand("probe.commands.run", "run", "Measure on schedule, or once."),
    "enrol": Subcommand("probe.commands.uplink", "enrol", "Join a researcher's fleet, with a token."),
    "sync": Subcommand("probe.commands.uplink", "sync", "Send to the collector what it does not have yet."),
    "doctor": Subcommand("probe.commands.doctor", "doctor", "What is wrong with this probe, and what to do about it."),
    "erase": Subcommand("probe.commands.erase", "erase", "Remove all that this probe keeps on this machine."),
    "status": Subcommand("probe.commands.status", "status", "How a probe does: last cycle, budget, missed slots."),
    "analyze": Subcommand(
        "analysis.commands", "analyze", "Recompute every conclusion from the stored facts.", "analysis"
    ),
    "report": Subcommand("analysis.report.command", "report", "Write the report, with its evidence.", "report"),
    "import": Subcommand(
        "analysis.exchange.commands", "import_group", "Bring in what others measured, or want measured.", "analysis"
    ),
    "export": Subcommand(
        "analysis.exchange.commands", "export_group", "Give facts away in a form that other programs read.", "analysis"
    ),
    "dashboard": Subcommand(
        "analysis.dashboard.command", "dashboard", "Pages on what is stored, in a browser.", "dashboard"
    ),
    "sql": Subcommand("analysis.tables.command", "sql", "Ask the database in SQL; nothing can be changed.", "report"),
    "claim": Subcommand(
        "analysis.claims.command", "claim", "Set what somebody said against what was measured.", "analysis"
    ),
    "bundle": Subcommand(
        "analysis.bundle.command", "bundle", "Write the evidence as a folder that others can check.", "report,tables"
    ),
    "verify": Subcommand(
        "analysis.bundle.command", "verify", "Check a bundle, or a database row by row.", "report,tables"
    ),
    "evaluate": Subcommand(
        "analysis.evaluate.command", "evaluate", "Score the analysis against known truth.", "analysis"
    ),
    "lab": Subcommand("lab.commands", "app", "An Internet with censors and disasters whose truth is known.", "lab"),
    "collector": Subcommand(
        "collector.command", "app", "Take facts from a fleet, and decide who may send them.", "collector"
    ),
    "helper": Subcommand("probe.commands.helper", "helper", "Run a server that answers every name alike."),
}


def build(wanted: str | None) -> typer.Typer:
    """Give the application, with only the subcommand ``wanted`` imported."""
    app = typer.Typer(
        name="nameblind",
        help="Was it blocked, or was it broken? Damage cannot read a name.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @app.callback()
    def nameblind() -> None:
        """Was it blocked, or was it broken? Damage cannot read a name."""

    for name, subcommand in SUBCOMMANDS.items():
        if name != wanted:
            app.command(name, help=subcommand.summary)(_placeholder)
            continue
        offered = getattr(importlib.import_module(subcommand.module), subcommand.attribute)
        if isinstance(offered, typer.Typer):
            app.add_typer(offered, name=name)
        else:
            app.command(name)(offered)
    return app


def _placeholder() -> None:
    """Stand for a subcommand that was not asked for."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; give 0, or 1 with one sentence on standard error (`lab exec`: the program's own status).

    Interrupted, it gives 130, as shells do.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    wanted = next((argument for argument in arguments if not argument.startswith("-")), None)
    try:
        build(wanted)(arguments, prog_name="nameblind")
    except PassedOnExit as passed_on:
        return int(passed_on.code or 0)
    except SystemExit as exit_request:
        if exit_request.code == INTERRUPTED:
            return _stopped()
        return 0 if exit_request.code in (0, None) else 1
    except UserError as error:
        sys.stderr.write(f"nameblind: {error}\n")
        return 1
    except ModuleNotFoundError as error:
        extra = SUBCOMMANDS[wanted].extra if wanted in SUBCOMMANDS else ""
        if not extra or (error.name or "").split(".")[0] in OUR_PACKAGES:
            raise  # a bug of ours, not an extra that is missing
        sys.stderr.write(
            f"nameblind: `{wanted}` needs the package {error.name!r}; install it with "
            f"`pip install 'nameblind[{extra}]'`\n"
        )
        return 1
    except KeyboardInterrupt:  # while the subcommand was being imported
        return _stopped()
    return 0


def _stopped() -> int:
    sys.stderr.write("nameblind: stopped\n")
    return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
