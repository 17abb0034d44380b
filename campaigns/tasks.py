"""Thin: find what is due, call one function."""

import numpy as np
from celery import shared_task
from django.utils import timezone

from campaigns import (
    allocation,
    codes,
    delivery,
    exports,
    fairness,
    figures,
    journeys,
    lifecycle,
    optin_mail,
    outcomes,
    planning,
    renewals,
    rights_mail,
    schedule,
    segments,
    settling,
    stopping,
    targeting,
    triggers,
    webhooks,
)
from campaigns.offers import learning


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
    stopping.check_sensitive(at=timezone.now())


@shared_task
def credit_outcomes() -> None:
    outcomes.credit_all(at=timezone.now())


@shared_task
def ask_for_consent() -> None:
    """Send the mails that double opt-in asks with."""
    optin_mail.send_due(clock=timezone.now)


@shared_task
def answer_requests() -> None:
    """Send the mails that answer what people demand."""
    rights_mail.send_due(clock=timezone.now)


@shared_task
def renew_shares() -> None:
    """Let the bandits of variants learn from the newest orders."""
    allocation.renew_all(at=timezone.now(), rng=np.random.default_rng())


@shared_task
def renew_reports() -> None:
    """Work out the headlines of reports that somebody asked for, or that are a day old."""
    renewals.work_due(clock=timezone.now)


@shared_task
def study_uplift() -> None:
    """Work out whom a campaign changes, where somebody asked."""
    targeting.study_due(at=timezone.now())


@shared_task
def look_back() -> None:
    """Work out by group what campaigns that are over gave to whom."""
    fairness.look_back_due(at=timezone.now())


@shared_task
def enter_journeys() -> None:
    triggers.look_all(at=timezone.now())


@shared_task
def advance_journeys() -> None:
    journeys.wake(at=timezone.now())
    journeys.advance_all(at=timezone.now())


@shared_task
def settle_due() -> None:
    """Give what was sent, and take back what was not: of cancelled campaigns all that waits yet."""
    lifecycle.cancel_due(at=timezone.now())
    settling.settle_all(at=timezone.now())


@shared_task
def work_codes() -> None:
    """Put codes into pools where somebody asked for many."""
    codes.work_due(clock=timezone.now)


@shared_task
def tidy_codes() -> None:
    """Codes whose time is over, checkouts that did not end, codes that went round, budgets of erased people."""
    now = timezone.now()
    codes.free_reservations(at=now)
    codes.expire(at=now)
    codes.look_for_others(at=now)
    settling.recount(at=now)


@shared_task
def renew_rankings() -> None:
    """Let the placements that learn follow what has worked."""
    learning.renew_all(at=timezone.now(), rng=np.random.default_rng())


@shared_task
def gather_webhooks() -> None:
    """Write down what others are to be told of."""
    webhooks.gather_all(at=timezone.now())


@shared_task
def send_webhooks() -> None:
    webhooks.send_all(clock=timezone.now, rng=np.random.default_rng())


@shared_task
def work_exports() -> None:
    """Write the files that were asked for, and delete those that may not be fetched any more."""
    exports.sweep(at=timezone.now())
    exports.work_due(clock=timezone.now)


@shared_task
def note_figures() -> None:
    """Count what the desk's home shows: a day at a time, where one is due."""
    figures.note_due(at=timezone.now())


@shared_task
def measure_segments() -> None:
    """Count every segment that was not counted today, so that how it grows can be seen."""
    segments.measure_due(at=timezone.now())
