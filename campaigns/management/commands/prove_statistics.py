"""Do the statistics tell the truth? Coverage of intervals, false winners, regret, where the truth is known."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from campaigns.proof import apart, choosing, estimators, lines, shop
from campaigns.proof.lines import Line

SEED = 2026
FULL_RUNS = 200
QUICK = 50
"""how many times fewer runs `--quick` makes"""


class Command(BaseCommand):
    help = "Prove the statistics on a shop with known truth; exit 1 if any promise does not hold. Touches no data."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--seeds", type=int, help=f"full campaigns through the platform (default {FULL_RUNS})"
        )
        parser.add_argument(
            "--quick", action="store_true", help="a fiftieth of everything, for a look: not a proof"
        )
        parser.add_argument("--json", action="store_true")
        for name, kind in (("--inside", Path), ("--first", int), ("--people", int)):
            parser.add_argument(name, type=kind, help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        seeds = options["seeds"]
        if seeds is None:
            seeds = FULL_RUNS // QUICK if options["quick"] else FULL_RUNS
        if seeds < 0:
            raise CommandError("--seeds is a number of runs, nought or more.")
        people = options["people"] or shop.PEOPLE
        if options["inside"]:
            self.play(options["inside"], first=options["first"] or 0, seeds=seeds, people=people)
            return
        part = QUICK if options["quick"] else 1
        self.tell(self.prove(seeds, people=people, part=part), seeds=seeds, as_json=options["json"])

    def tell(self, proven: Iterable[Line], *, seeds: int, as_json: bool) -> None:
        """Each line as it comes, or all as one JSON; ends with exit code 1 when any does not hold."""
        if not as_json:
            self.stdout.write(f"{'':64} {'figure':>7}  {'its own interval':17} {'bound':12} {'runs':>6}")
        found = []
        for line in proven:
            found.append(line)
            if not as_json:
                self.say(line)
        failed = [line.key for line in found if line.verdict == lines.FAILS]
        if as_json:
            told = {"seeds": seeds, "holds": not failed, "lines": [line.as_dict() for line in found]}
            self.stdout.write(json.dumps(told))
        if failed:
            raise SystemExit(1)

    def prove(self, seeds: int, *, people: int, part: int) -> Iterator[Line]:
        """Every line, the quick ones while the full runs play beside."""
        workers = min(os.cpu_count() or 1, 4)
        try:
            with apart.playing(seeds, first=0, workers=workers, people=people) as runs:
                yield from estimators.fixed(estimators.FIXED_RUNS // part, seed=SEED)
                yield from estimators.without_effect(estimators.FIXED_RUNS // part, seed=SEED)
                yield from estimators.peeked(estimators.PEEKED_RUNS // part, seed=SEED)
                yield from estimators.several(estimators.SEVERAL_RUNS // part, seed=SEED)
                yield from choosing.bandits(choosing.BANDIT_RUNS // part, seed=SEED)
                yield from choosing.aims(choosing.UPLIFT_WORLDS // part, seed=SEED)
                yield from choosing.replays(choosing.REPLAY_RUNS // part, seed=SEED)
                shown = tqdm(
                    runs, total=seeds, desc="full runs", disable=not sys.stderr.isatty(), leave=False
                )
                yield from shop.lines(list(shown), full=FULL_RUNS)
        except apart.Stopped as stop:
            raise CommandError(f"A full run stopped: {stop}") from stop

    def play(self, folder: Path, *, first: int, seeds: int, people: int) -> None:
        """As a child of the proof: runs in this folder, one JSON a line."""
        try:
            for run in apart.play(folder, first=first, seeds=seeds, people=people):
                self.stdout.write(json.dumps(run.as_dict()))
                self.stdout.flush()
        except (apart.Stopped, shop.NotAsPlanned) as stop:
            raise CommandError(str(stop)) from stop

    def say(self, line: Line) -> None:
        least = f"≥ {line.least:.0%}" if line.least is not None else ""
        most = f"≤ {line.most:.0%}" if line.most is not None else ""
        bound = f"{line.least:.0%}–{line.most:.0%}" if least and most else least or most
        own = f"{line.low:.1%} to {line.high:.1%}"
        self.stdout.write(
            f"{line.what:64} {line.figure:>7.1%}  {own:17} {bound:12} {line.runs:>6,}  {line.verdict}"
        )
        if line.note:
            self.stdout.write(f"    {line.note}")
