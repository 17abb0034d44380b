"""Plan and deliver what is due of one campaign."""

import argparse
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from campaigns import delivery, lifecycle, planning, report_text, segments
from campaigns.models import Campaign
from campaigns.reports import small
from customers import installation


class Command(BaseCommand):
    help = "Plan and deliver what is due; prints the audience waterfall."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--dry-run", action="store_true", help="only count who would be reached")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = Campaign.objects.filter(slug=options["slug"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {options['slug']!r}.")
        now = timezone.now()
        if options["dry_run"]:
            audiences = [audience.segment for audience in campaign.audiences.select_related("segment")]
            if not audiences:
                raise CommandError("The campaign has no audience: add at least one segment.")
            try:
                self.say(segments.waterfall(*audiences, channel=campaign.channel, at=now))
            except segments.Withheld as why:
                raise CommandError(str(why)) from why
            self.stdout.write(
                f"Nothing was planned. Of the sendable, {float(campaign.control_percent):g} % would be held out, and caps and "
                "offers be asked."
            )
            return
        if campaign.status not in (Campaign.Status.RUNNING, Campaign.Status.FINISHED):
            raise CommandError(f"The campaign is {campaign.status}; launch it first.")
        if not installation.may_send(at=now):
            held = " ".join(installation.reasons(installation.current(at=now)))
            raise CommandError(f"Sending is held: {held} `manage.py release_sending --by NAME` releases it.")
        for run in campaign.runs.filter(state__in=("due", "planning"), due_at__lte=now):
            try:
                planning.plan(run, at=now)
            except segments.Withheld as why:
                raise CommandError(str(why)) from why
        done = delivery.deliver_all(clock=timezone.now)
        lifecycle.finish_done(at=timezone.now())
        for run in campaign.runs.order_by("due_at"):
            self.stdout.write(f"Run of {run.due_at:%Y-%m-%d %H:%M} UTC, {run.state}:")
            self.say(run.waterfall)
        told = ", ".join(f"{n:,} {status}" for status, n in done.items()) or "nothing was due"
        self.stdout.write(f"Delivery: {told}.")

    def say(self, waterfall: Mapping[str, Any]) -> None:
        for name, value in small.waterfall_of(waterfall).items():
            rows = value.items() if isinstance(value, Mapping) else [("", value)]
            told = ", ".join(f"{inner} {report_text.told(n)}".strip() for inner, n in rows)
            self.stdout.write(f"  {name.replace('_', ' '):14} {told or 0}")
