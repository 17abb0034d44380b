"""Training is asked for from the desk by the same deed as everywhere."""

import pytest
from django.test import Client
from django.urls import reverse

from recommender.models import TrainingRun
from tests import desk


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def test_training_is_asked_for_and_followed(client):
    train = reverse("admin:recommender_trainingrun_train")
    assert client.get(train).status_code == 200
    assert not TrainingRun.objects.exists()
    client.post(train, {"task": ["recommend", "clusters", "nonsense"]})
    asked = TrainingRun.objects.order_by("task")
    assert [(run.task, run.state, run.requested_by) for run in asked] == [
        ("clusters", "waiting", "marta"),
        ("recommend", "waiting", "marta"),
    ]
    told = client.get(reverse("admin:recommender_trainingrun_changelist")).content.decode()
    assert 'hx-trigger="every 4s"' in told
    TrainingRun.objects.update(state="done", progress=1.0)
    told = client.get(reverse("admin:recommender_trainingrun_changelist")).content.decode()
    assert 'hx-trigger="every 4s"' not in told


def test_nothing_chosen_asks_for_nothing(client):
    assert client.post(reverse("admin:recommender_trainingrun_train")).status_code == 200
    assert not TrainingRun.objects.exists()
