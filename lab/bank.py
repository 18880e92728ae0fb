"""Runs many scenarios, some at a time, and keeps each score the moment it is there.

Each run has a process of its own, since a lab moves its process about, and since
a run that fails or hangs must not take the others with it. A run that was
scored before is not made again as long as it would be the same (:mod:`lab.score_file`).
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from lab.score import Score, play
from lab.score_file import Origin, files_of, keep, origin_of, recall
from lab.scorecard import Failure
from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from pathlib import Path

    from lab.scenario import Scenario
    from lab.view import View

Play: TypeAlias = "Callable[[Scenario, Callable[[View], None], Path | None], Score]"

RUN_TIMEOUT_S: Final = 3600.0
"""Until one run has ended; the longest takes half an hour on two cores that have other work."""

_END_TIMEOUT_S: Final = 10.0
"""Until a run that was told to end has put away what it made."""

_LOOK_EVERY_S: Final = 1.0
"""At runs that say nothing, whether their time is over."""

_START_COST: Final = 1.0
"""What starting a lab costs, in slots."""

_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class Run:
    """One scenario under one seed, and what its score will hold for."""

    scenario: Scenario
    origin: Origin

    @property
    def name(self) -> str:
        """Name it for people and files."""
        return f"{self.scenario.name}@{self.scenario.seed}"

    @property
    def cost(self) -> float:
        """How long it takes, measured in slots."""
        return len(self.scenario.slots) + _START_COST


@dataclass(frozen=True, slots=True)
class Step:
    """How far one run has come."""

    share: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How far the whole bank has come."""

    done: int
    total: int
    share: float
    """Of the work of this call, from 0 to 1."""
    elapsed_s: float
    running: tuple[tuple[str, Step], ...]
    """What runs now, by name."""

    @property
    def rest_s(self) -> float | None:
        """The time that the rest will take at the pace so far; ``None`` while there is no pace."""
        return self.elapsed_s * (1.0 - self.share) / self.share if self.share > 0.0 else None


@dataclass(slots=True)
class Outcome:
    """What has become of the runs so far; also of a call that was interrupted."""

    scores: list[Score] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def runs_of(chosen: Sequence[tuple[str, Scenario]]) -> list[Run]:
    """Give the runs of scenarios, each with the name or path that it was read from. Raises UserError for twins."""
    runs = [Run(scenario, origin_of(files_of(named))) for named, scenario in chosen]
    names = [run.name for run in runs]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{name} is asked for twice: give each scenario and seed once")
    return runs


def recalled(runs: Sequence[Run], folder: Path) -> tuple[list[Score], list[Run], dict[str, str]]:
    """Give the scores that were kept and hold, the runs still to be made, and why a kept score holds no longer."""
    scores: list[Score] = []
    to_make: list[Run] = []
    stale: dict[str, str] = {}
    for run in runs:
        found = recall(_file_of(run, folder), run.origin)
        if isinstance(found, Score):
            scores.append(found)
            continue
        to_make.append(run)
        if found is not None:
            stale[run.name] = found
    return scores, to_make, stale


def _file_of(run: Run, folder: Path) -> Path:
    return folder / f"{run.name}.json"


def _facts_of(run: Run, folder: Path) -> Path:
    """Give where a run's facts are kept; the name says what they were made from, so that older ones are not taken."""
    return folder / f"{run.name}.{run.origin.facts_sha256[:12]}.db"


def _play_and_keep(scenario: Scenario, watch: Callable[[View], None], facts: Path | None) -> Score:
    if facts is not None:
        facts.parent.mkdir(parents=True, exist_ok=True)
        for older in facts.parent.glob(f"{scenario.name}@{scenario.seed}.*.db"):
            if older != facts:
                older.unlink()
    return play(scenario, watch, facts=facts)


def make(
    runs: Sequence[Run],
    outcome: Outcome,
    *,
    at_once: int,
    folder: Path | None,
    watch: Callable[[Stand], None] = lambda _: None,
    play: Play = _play_and_keep,
) -> None:
    """Make the runs, the longest first, and put what becomes of each into ``outcome`` the moment it ends.

    Scores and facts are kept in ``folder``, if there is one; where only the
    judgement has changed since, the facts that are there are judged anew. However this ends, by an
    exception too, no process of a run is left. ``play`` makes one run, in the
    process that is its own.
    """
    waiting = sorted(runs, key=lambda run: run.cost)
    work = sum(run.cost for run in runs)
    finished = 0.0
    started = monotonic()
    at_work: list[_Process] = []
    try:
        while True:
            for process in [process for process in at_work if process.has_ended(outcome, folder)]:
                at_work.remove(process)
                finished += process.run.cost
            while waiting and len(at_work) < at_once:
                run = waiting.pop()
                at_work.append(_Process(run, play, None if folder is None else _facts_of(run, folder)))
            if not at_work:
                break
            watch(
                Stand(
                    done=len(runs) - len(waiting) - len(at_work),
                    total=len(runs),
                    share=(finished + sum(p.step.share * p.run.cost for p in at_work)) / work,
                    elapsed_s=monotonic() - started,
                    running=tuple((process.run.name, process.step) for process in at_work),
                )
            )
            wait([process.pipe for process in at_work], timeout=_LOOK_EVERY_S)
    finally:
        for process in at_work:
            process.interrupt()
        for process in at_work:
            process.wait()


class _Process:
    """One run at work."""

    def __init__(self, run: Run, play: Play, facts: Path | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.run = run
        self.step = Step(0.0, "starting")
        self.pipe: Connection[Any, Any]
        self.pipe, theirs = context.Pipe(duplex=False)
        self._process: SpawnProcess = context.Process(
            target=_play, args=(theirs, run.scenario, play, facts), name=run.name
        )
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it inherits this, until it is ready
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._started = monotonic()
        theirs.close()

    def has_ended(self, outcome: Outcome, folder: Path | None) -> bool:
        """Read what it has said so far; put what became of it into ``outcome``, once it has ended."""
        try:
            while self.pipe.poll():
                said = self.pipe.recv()
                if isinstance(said, Step):
                    self.step = said
                    continue
                if isinstance(said, Score):
                    if folder is not None:
                        keep(said, self.run.origin, _file_of(self.run, folder))
                    outcome.scores.append(said)
                else:
                    outcome.failures.append(self._failure(str(said)))
                self.wait()
                return True
        except (EOFError, ConnectionResetError):
            self.wait()
            outcome.failures.append(self._failure(f"its process ended with status {self._process.exitcode}"))
            return True
        if monotonic() < self._started + RUN_TIMEOUT_S:
            return False
        self.interrupt()
        self.wait()
        outcome.failures.append(self._failure(f"no end after {RUN_TIMEOUT_S:g} s, at {self.step.label}"))
        return True

    def interrupt(self) -> None:
        """Tell it to end before it is done; it puts away what it made."""
        if self._process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGINT)

    def wait(self) -> None:
        """Wait until it has ended; it is killed if that takes long."""
        self._process.join(_END_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()

    def _failure(self, sentence: str) -> Failure:
        scenario = self.run.scenario
        return Failure(scenario=scenario.name, family=scenario.family, seed=scenario.seed, sentence=sentence)


def _play(pipe: Connection[Any, Any], scenario: Scenario, play: Play, facts: Path | None) -> None:
    """Be the process of one run; it ends with its parent, and leaves the terminal's Ctrl-C to it."""
    os.setpgrp()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)

    def tell(view: View) -> None:
        pipe.send(Step(view.share, view.label))

    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):  # or the parent is gone
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background may have had us ignore it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        try:
            pipe.send(play(scenario, tell, facts))
        except UserError as refusal:
            pipe.send(str(refusal))
        except Exception as failure:  # noqa: BLE001 - whatever goes wrong in one run is a row of the scorecard
            pipe.send(f"{type(failure).__name__}: {failure}")
