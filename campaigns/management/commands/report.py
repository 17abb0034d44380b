"""A campaign's report on the terminal, as JSON, or a table of it as CSV."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from campaigns import disclosure, outcomes, report_text, reports
from campaigns.models import Campaign
from campaigns.reports import people, sheets
from customers import histories
from customers.models import Customer


class Command(BaseCommand):
    help = "What a campaign did, against its control group, and how sure that is."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--csv", type=Path, metavar="FILE", help="write one table of it to this file")
        parser.add_argument("--table", choices=sheets.SHEETS, default="headline", help="which one")
        parser.add_argument(
            "--until-now", action="store_true", help="read the effect as if the window ended now"
        )
        parser.add_argument(
            "--truth", type=Path, help="the simulator's truth file, to print beside the measurement"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = Campaign.objects.filter(slug=options["slug"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {options['slug']!r}.")
        now = timezone.now()
        outcomes.credit_all(at=now)
        report = disclosure.released(
            campaign, at=now, until=now if options["until_now"] else None, by="the command"
        )
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
            return
        if options["csv"]:
            try:
                options["csv"].write_text(sheets.as_csv(sheets.sheet(report, options["table"])))
            except OSError as error:
                raise CommandError(f"{options['csv']} cannot be written: {error.strerror}.") from error
            return
        self.stdout.write(report_text.text(report))
        if options["truth"] and report.effect is not None:
            self.stdout.write(self.beside(campaign, options["truth"], report.effect))

    def beside(self, campaign: Campaign, path: Path, effect: reports.Effect) -> str:
        """The simulator's true average effect on exactly the people measured, beside the interval."""
        truth = json.loads(path.read_text())["people"]
        planned = Customer.objects.filter(pk__in=people.rows_of(campaign).values("customer_id"))
        names = histories.measurable(planned).values_list("external_id", flat=True)
        differences = [float(truth[pk]["y1"]) - float(truth[pk]["y0"]) for pk in names if pk in truth]
        if not differences:
            return "The truth file knows none of the people measured."
        mean = sum(differences) / len(differences)
        inside = "inside" if effect.low <= mean <= effect.high else "OUTSIDE"
        return (
            f"\nThe simulator's truth, which the platform never saw: {mean:+.2f} per person over the "
            f"{len(differences):,} measured; estimated {effect.per_person:+.2f} ({effect.low:.2f} to {effect.high:.2f}): "
            f"the truth is {inside} the interval."
        )
