"""Thin: find what is due, call one function."""

from celery import shared_task
from django.utils import timezone

from recommender import training
from recommender.models import Task
from recommender.training import shards


@shared_task
def run_due() -> None:
    """Work off the trainings that were asked for."""
    while (run := training.claim(at=timezone.now())) is not None:
        training.work(run, at=timezone.now())


@shared_task
def renew() -> None:
    """Take out of the live models whoever has left, and work in what was done since."""
    training.renew(at=timezone.now())
    training.forget_who_left(at=timezone.now())
    training.drop_files(at=timezone.now())


@shared_task
def train_nightly() -> None:
    """Ask for every training anew (`run_due` does them), and let go of the models of the nights before."""
    training.drop_files(at=timezone.now())
    for task in training.TRAINABLE:
        if task != Task.LOOKS:  # pictures change when `see_pictures` reads them, and it learns at once
            training.ask(task, by="schedule")


@shared_task
def count_pairs() -> None:
    """Count the shards of people that were asked for; several workers may, each takes others."""
    shards.work(at=timezone.now())
