"""Thin: find what is due, call one function."""

from celery import shared_task
from django.utils import timezone

from campaigns import delivery, lifecycle, optin_mail, outcomes, planning, schedule, stopping


@shared_task
def plan_due() -> None:
    schedule.ring(at=timezone.now())
    planning.plan_due(at=timezone.now())


@shared_task
def deliver_due() -> None:
    delivery.deliver_all(clock=timezone.now)
    lifecycle.finish_done(at=timezone.now())


@shared_task
def stop_what_harms() -> None:
    """Pause campaigns that draw complaints or fail. Apart from sending, which goes on for as long as there is work."""
    stopping.check(at=timezone.now())


@shared_task
def credit_outcomes() -> None:
    outcomes.credit_all(at=timezone.now())


@shared_task
def ask_for_consent() -> None:
    """Send the mails that double opt-in asks with."""
    optin_mail.send_due(clock=timezone.now)
