"""``nameblind import`` and ``nameblind export``: one subcommand for each module of a folder.

Adding a format is adding one file to ``analysis/exchange/importing/`` or
``exporting/`` whose function ``command`` is the subcommand. Its name is the file's.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import typer

from analysis.exchange import exporting, importing

if TYPE_CHECKING:
    from types import ModuleType


def _group(package: ModuleType, about: str) -> typer.Typer:
    group = typer.Typer(help=about, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

    @group.callback()
    def of_all() -> None:
        """Hold the subcommands together, also where there is but one."""

    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        group.command(found.name)(module.command)
    return group


import_group = _group(importing, "Bring in what others measured, or want measured.")
export_group = _group(exporting, "Give the facts away in a form that other programs read.")
