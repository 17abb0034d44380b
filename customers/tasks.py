"""Thin: find what is due, call one function."""

from celery import shared_task
from django.utils import timezone

from customers import installation, privacy, retention


@shared_task
def tidy() -> None:
    retention.drop_old(at=timezone.now())
    privacy.sweep(at=timezone.now())


@shared_task
def keep_journal() -> None:
    """Note how far this database knows the journal, so that a start reads only what is newer."""
    installation.keep_up(at=timezone.now())
