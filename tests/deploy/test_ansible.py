"""The role for fleets, by its own tools where they are installed, and held against what it calls."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from probe.commands.uplink import enrol
from probe.consent import unattended

FOLDER = Path(__file__).parents[2] / "deploy" / "ansible"
ROLE = FOLDER / "roles" / "nameblind"
TASKS = yaml.safe_load((ROLE / "tasks" / "main.yaml").read_text())


def tool(name: str) -> Path:
    """Where a program is that was installed beside this Python."""
    return Path(sys.executable).with_name(name)


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one; it finds the others beside it."""
    path = f"{tool(name).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1", "PATH": path}
    return subprocess.run(
        [str(tool(name)), *arguments],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.skipif(not tool("ansible-playbook").exists(), reason="ansible-core is not installed")
def test_the_playbook_can_be_read() -> None:
    done = run("ansible-playbook", "--syntax-check", "-i", "inventory.example.yaml", "probes.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not tool("ansible-lint").exists(), reason="ansible-lint is not installed")
def test_the_role_is_as_its_lint_wants_it() -> None:
    done = run("ansible-lint", "--offline", "--nocolor", "probes.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_whatever_the_role_asks_for_is_given_a_default_or_stands_in_the_example() -> None:
    asked = set(re.findall(r"\b(nameblind_[a-z_]+)", (ROLE / "tasks" / "main.yaml").read_text()))
    given = set(re.findall(r"^\s*(nameblind_[a-z_]+):", (FOLDER / "inventory.example.yaml").read_text(), re.MULTILINE))
    given |= set(yaml.safe_load((ROLE / "defaults" / "main.yaml").read_text()))
    assert asked <= given


def test_the_consent_file_has_the_keys_that_the_program_reads() -> None:
    (task,) = [task for task in TASKS if "content" in task.get("ansible.builtin.copy", {})]
    keys = set(re.findall(r"^(\w+):", task["ansible.builtin.copy"]["content"], re.MULTILINE))
    assert keys == set(unattended._Agreed.__dataclass_fields__)


def test_the_token_is_on_no_command_line_and_in_no_log() -> None:
    (task,) = [task for task in TASKS if "NAMEBLIND_TOKEN" in task.get("environment", {})]
    assert task["no_log"] is True
    assert "token" not in str(task["ansible.builtin.command"])
    assert "NAMEBLIND_TOKEN" in (enrol.__doc__ or "")


def test_the_units_that_it_installs_exist() -> None:
    (task,) = [task for task in TASKS if task["name"] == "The units"]
    assert [unit for unit in task["loop"] if not (FOLDER.parent / "systemd" / unit).exists()] == []
