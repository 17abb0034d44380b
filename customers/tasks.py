"""Thin: find what is due, call one function."""

from celery import shared_task
from django.utils import timezone

from customers import export_files, request_work, requests, retention


@shared_task
def tidy() -> None:
    now = timezone.now()
    retention.drop_old(at=now)
    requests.lapse_old(at=now)
    request_work.blank_old_farewells(at=now)
    export_files.drop_old(at=now)


@shared_task
def work_requests() -> None:
    """Do what people demanded and proved, step by step."""
    request_work.work_due(at=timezone.now())
