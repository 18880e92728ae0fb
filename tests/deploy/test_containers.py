"""Containers: nobody is root, nothing is written but in one folder, nothing is fetched that is not named."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "containers"
FILES = sorted(FOLDER.glob("*.Containerfile"))
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
each_service = pytest.mark.parametrize("name", COMPOSE["services"])


def instructions(file: Path) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n", " ", file.read_text())
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


@each
def test_the_last_stage_runs_as_nobody_in_particular_and_is_watched(file: Path) -> None:
    told = instructions(file)
    last = told[max(n for n, (word, _) in enumerate(told) if word == "FROM") :]
    users = [rest for word, rest in last if word == "USER"]
    assert users
    assert int(users[-1]) >= 10_000
    words = [word for word, _ in last]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert {"HEALTHCHECK", "VOLUME"} <= set(words)


@each
def test_bases_have_a_version_and_nothing_comes_from_an_address(file: Path) -> None:
    told = instructions(file)
    for base in (rest for word, rest in told if word == "FROM"):
        assert re.match(r"[a-z]+:\d[\w.-]+", base), base
    assert "ADD" not in {word for word, _ in told}
    assert "://" not in "".join(rest for word, rest in told if word in {"RUN", "COPY"})


@each
def test_what_is_copied_exists_and_is_let_in(file: Path) -> None:
    root = FOLDER.parents[1]
    let_in = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for word, rest in instructions(file):
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (root / source).exists()
                assert source in let_in


@each
def test_it_starts_a_command_that_exists(file: Path) -> None:
    told = dict(instructions(file))
    assert json.loads(told["ENTRYPOINT"]) == ["/opt/nameblind/bin/nameblind"]
    words = [word for word in json.loads(told["CMD"]) if re.fullmatch(r"[a-z]+", word)]
    options = [word for word in json.loads(told["CMD"]) if word.startswith("--")]
    shown = subprocess.run(
        [sys.executable, "-m", "nameblind", *words, "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert [option for option in options if option not in shown.stdout] == []


@each_service
def test_every_service_is_hardened(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service.get("privileged") is None
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert set(service.get("cap_add", [])) <= {"NET_BIND_SERVICE"}


def test_the_proxy_alone_can_be_reached_and_the_database_reaches_nothing() -> None:
    services, networks = COMPOSE["services"], COMPOSE["networks"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert services["postgres"]["networks"] == ["inside"]
    assert networks["inside"]["internal"] is True
    assert networks["before"]["internal"] is True
    proxy = services["proxy"]["networks"]["before"]["ipv4_address"]
    assert f"--proxy={proxy}" in services["collector"]["command"]


def test_no_secret_is_in_the_file_or_in_the_environment() -> None:
    for service in COMPOSE["services"].values():
        for key, value in service.get("environment", {}).items():
            assert key.endswith(("_FILE", "PASSFILE")) or "PASSWORD" not in key, value
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} == set(
        (FOLDER / ".gitignore").read_text().split()
    )


def test_the_proxy_keeps_no_log_and_shows_no_counters() -> None:
    caddy = (FOLDER / "Caddyfile").read_text()
    assert not re.search(r"^\s*log\b", caddy, re.MULTILINE)
    assert "/metrics" not in caddy
    assert "path /v1/*" in caddy
