"""Fit, measure on the past and future, and go live only if better."""

import argparse
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from recommender import training
from recommender.management.progress import progress_bar
from recommender.management.table import table
from recommender.models import TrainingRun


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM ends what is done here as Ctrl-C does."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Command(BaseCommand):
    help = "Train models from the behaviour of people who allow it; promote only what is better than the live one."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--task", choices=[str(task) for task in training.TRAINABLE], help="default: all")
        parser.add_argument(
            "--algorithm",
            nargs="+",
            action="extend",
            default=[],
            metavar="NAME",
            help="what to choose from; default: all",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        tasks = [options["task"]] if options["task"] else list(training.TRAINABLE)
        results = {}
        for task in tasks:
            try:
                run = training.ask(
                    task, algorithms=options["algorithm"] if task == "recommend" else [], by="command"
                )
            except ValueError as error:
                raise CommandError(str(error)) from error
            now = timezone.now()
            if not training.take(run, at=now):
                raise CommandError("A worker took this training up; see its progress in the admin.")
            results[task] = self.learnt(run, now)
            if not options["json"]:
                self.say(task, results[task])
        if options["json"]:
            self.stdout.write(json.dumps(results))

    def learnt(self, run: TrainingRun, now: datetime) -> dict[str, Any]:
        """What came of it. Raises CommandError where an algorithm refused, or where it was stopped.

        By Ctrl-C, SIGTERM, the desk or the API.
        """
        try:
            with stoppable(), progress_bar() as progress:
                done = training.work(run, at=now, tell=progress)
        except KeyboardInterrupt as stopped:
            run.refresh_from_db()
            told = run.result.get("error", "Cancelled: nothing of it went live.")
            raise CommandError(f"{run.task}: {told}", returncode=130) from stopped
        except ValueError as refused:  # what was named cannot learn here, or not from so much
            raise CommandError(f"{run.task}: {refused}") from refused
        if done.state == TrainingRun.State.CANCELLED:
            by = done.cancelled_by or "somebody"
            raise CommandError(f"{run.task}: Cancelled by {by}: nothing of it went live.")
        if done.state != TrainingRun.State.DONE:
            raise CommandError(
                f"{run.task}: Another worker has taken it over; see its progress in the admin."
            )
        result: dict[str, Any] = done.result
        return result

    def say(self, task: str, result: dict[str, Any]) -> None:
        if "refused" in result:
            self.stdout.write(f"{task}: not enough data yet. {result['refused']}")
        elif task == "recommend":
            self.stdout.write("The month before the last, for choosing (the last month unseen):")
            self.stdout.write(table(result["validation"]))
            self.stdout.write(
                "\nThe last month, which no choice has seen: the chosen one against both floors."
            )
            self.stdout.write(table(result["test"]))
            for target, told in (("again", "What people had before"), ("new", "What was new to them")):
                self.stdout.write(f"\n{told}, on the same month:")
                self.stdout.write(table(result[f"test_{target}"]))
            verb = "is live" if result["promoted"] else "was refused"
            self.stdout.write(f"\n{result['algorithm']} {verb}: {result['reason']}.")
        elif task == "interests":
            self.stdout.write(
                f"interests: {result['people']} people × {result['categories']} categories; Brier score "
                f"{result['brier']} against {result['brier_base_rate']} of the base rate; told {result['told']:.3f}, "
                f"happened {result['happened']:.3f}."
            )
        elif task == "propensity":
            self.stdout.write(f"propensity: {result['people']} people.")
            for name, figure in result.items():
                if isinstance(figure, str | float):
                    self.stdout.write(f"  {name.replace('_', ' ')}: {figure}")
        elif task == "sentiment":
            self.stdout.write(
                f"sentiment: accuracy {result['accuracy']} ({result['accuracy_low']} to {result['accuracy_high']}) on "
                f"{result['measured_on']} reviews it had not seen, {result['baseline']} by always saying the commoner; "
                f"{result['reason']}. {result['judged']} reviews judged."
            )
        elif task == "looks":
            self.stdout.write(f"looks: {result['pictures']:,} products with a picture compared.")
        else:
            groups = result["clusters"]
            self.stdout.write(f"clusters: {len(groups)}, silhouette {result['silhouette']}.")
            for group, about in groups.items():
                self.stdout.write(f"  {group}: {about['people']} people, {', '.join(about['marks'])}")
