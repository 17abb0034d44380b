"""Thin: find what is due, call one function."""

from celery import shared_task
from django.utils import timezone

from customers import (
    export_files,
    imports,
    installation,
    privacy,
    request_traces,
    request_work,
    requests,
    retention,
)
from customers.proof import verification


@shared_task
def tidy() -> None:
    now = timezone.now()
    retention.drop_old(at=now)
    privacy.sweep(at=now)
    requests.lapse_old(at=now)
    request_work.blank_old_farewells(at=now)
    request_traces.sweep()
    export_files.drop_old(at=now)
    imports.drop_old(at=now)


@shared_task
def work_imports() -> None:
    """Take in the files that were brought in at the desk."""
    imports.work_due(clock=timezone.now)


@shared_task
def work_requests() -> None:
    """Do what people demanded and proved, step by step."""
    request_work.work_due(at=timezone.now())


@shared_task
def keep_journal() -> None:
    """Note how far this database knows the journal, so that a start reads only what is newer."""
    installation.keep_up(at=timezone.now())


@shared_task
def checkpoint_ledger() -> None:
    verification.checkpoint_due(at=timezone.now())


@shared_task
def verify_ledger() -> None:
    verification.verify_due(at=timezone.now())
