"""Fit, measure on the past and future, and go live only if better."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from recommender import training
from recommender.management.progress import progress_bar
from recommender.management.table import table
from recommender.models import TrainingRun


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
            ours = TrainingRun.objects.filter(pk=run.pk, state=TrainingRun.State.WAITING).update(
                state=TrainingRun.State.RUNNING, started_at=now, lease_until=now + training.LEASE
            )
            if not ours:
                raise CommandError("A worker took this training up; see its progress in the admin.")
            with progress_bar() as progress:
                results[task] = training.work(run, at=now, tell=progress).result
            if not options["json"]:
                self.say(task, results[task])
        if options["json"]:
            self.stdout.write(json.dumps(results))

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
            verb = "is live" if result["promoted"] else "was refused"
            self.stdout.write(f"\n{result['algorithm']} {verb}: {result['reason']}.")
        elif task == "interests":
            self.stdout.write(
                f"interests: {result['people']} people × {result['categories']} categories; Brier score "
                f"{result['brier']} against {result['brier_base_rate']} of the base rate; told {result['told']:.3f}, "
                f"happened {result['happened']:.3f}."
            )
        elif task == "sentiment":
            self.stdout.write(
                f"sentiment: accuracy {result['accuracy']} ({result['accuracy_low']} to {result['accuracy_high']}) on "
                f"{result['measured_on']} reviews it had not seen, {result['baseline']} by always saying the commoner; "
                f"{result['reason']}. {result['judged']} reviews judged."
            )
        else:
            groups = result["clusters"]
            self.stdout.write(f"clusters: {len(groups)}, silhouette {result['silhouette']}.")
            for group, about in groups.items():
                self.stdout.write(f"  {group}: {about['people']} people, {', '.join(about['marks'])}")
