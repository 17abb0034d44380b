"""Thin: find what is due, call one function."""

from celery import shared_task
from django.utils import timezone

from customers import retention
from customers.proof import verification


@shared_task
def tidy() -> None:
    retention.drop_old(at=timezone.now())


@shared_task
def checkpoint_ledger() -> None:
    verification.checkpoint_due(at=timezone.now())


@shared_task
def verify_ledger() -> None:
    verification.verify_due(at=timezone.now())
