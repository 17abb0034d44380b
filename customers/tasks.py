"""Thin: find what is due, call one function."""

from celery import shared_task
from django.utils import timezone

from customers import retention


@shared_task
def tidy() -> None:
    retention.drop_old(at=timezone.now())
