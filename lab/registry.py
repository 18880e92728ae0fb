"""Kinds of middlebox, disaster, order and refusal: one file each, found by looking into the folder.

A module ``lab/middleboxes/block_page.py`` is the kind ``block-page``. It has one
frozen dataclass that is called with the folder's one signature, and ``RECORD``,
which reads that dataclass from YAML and refuses unknown keys. The first line of
the module's docstring says what it does. Adding a kind is adding such a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from probe.schedule.yaml_reader import Record


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its name, what it does in a line, and how it is read from YAML."""

    name: str
    summary: str
    record: Record[Any]


def kinds(package: ModuleType) -> dict[str, Kind]:
    """Find every kind in a package's folder, by name."""
    found: dict[str, Kind] = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{module_info.name}")
        name = module_info.name.replace("_", "-")
        summary = (module.__doc__ or "").strip().splitlines()[0]
        found[name] = Kind(name, summary, module.RECORD)
    return found
