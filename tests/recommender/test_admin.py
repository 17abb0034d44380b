"""Training is asked for from the desk by the same deed as everywhere."""

import pytest
from django.test import Client
from django.urls import reverse

from recommender.models import Placement, Shown, TrainingRun
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


def test_a_placement_leads_to_what_it_shows_and_nothing_is_kept(client, products):
    row = Placement.objects.create(name="Mug shelf", slug="mugs", exploration=0.2)
    row.categories.set([products["mug"].category])
    told = client.get(
        reverse("admin:recommender_placement_preview", args=[row.pk]), follow=True
    ).content.decode()
    assert "Red rose bush" not in told
    assert "Blue mug" in told
    assert not Shown.objects.exists()
    shows = reverse("admin:recommender_placement_shows", query={"placement": row.pk, "customer": "nobody"})
    assert "No customer has this id." in client.get(shows).content.decode()


def test_algorithms_are_chosen_for_the_recommendations_alone(client):
    train = reverse("admin:recommender_trainingrun_train")
    assert 'value="ease" checked' in client.get(train, {"algorithm": "ease"}).content.decode()
    client.post(train, {"task": ["recommend", "clusters"], "algorithm": ["ease", "nonsense"]})
    assert dict(TrainingRun.objects.values_list("task", "algorithms")) == {
        "recommend": ["ease"],
        "clusters": [],
    }


def test_a_promotion_of_nothing_is_refused_in_words(client):
    sent = {
        "name": "Home", "slug": "home", "mode": "all", "bought": "allow", "diversity": "none", "strength": "0.3",
        "exploration": "0", "relevance": "low", "promotions-TOTAL_FORMS": "1", "promotions-INITIAL_FORMS": "0",
        "promotions-0-name": "Winter", "promotions-0-percent": "20", "promotions-0-priority": "0",
    }  # fmt: skip
    told = client.post(reverse("admin:recommender_placement_add"), sent).content.decode()
    assert "Name at least one product or one category to promote." in told
    assert not Placement.objects.exists()
