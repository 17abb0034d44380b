"""Who left is out of what is told at once, and out of every model within a day (D4)."""

from datetime import timedelta

import pytest
from django.conf import settings

from campaigns import segments
from catalog.models import Category
from customers import privacy
from customers.models import Customer
from recommender import serving, training
from recommender.algorithms import storage
from recommender.algorithms.registry import make
from recommender.models import ClusterMembership, Interest, ModelVersion, Score, Task, TrainingRun
from recommender.training import forgetting
from tests.conftest import NOW
from tests.recommender.live import go_live
from tests.recommender.test_training_and_serving import customer, leaves, shop, trained

__all__ = ["shop"]
pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(minutes=1)
LATER = NOW + timedelta(hours=7)


def live(task: str) -> ModelVersion | None:
    return ModelVersion.objects.filter(task=task, state="live").first()


def work(at) -> None:
    while (run := training.claim(at=at)) is not None:
        training.work(run, at=at)


@pytest.mark.parametrize("how", ["withdrawn", "erased", "restricted"])
def test_d4_who_leaves_gets_no_list_and_no_segment_or_score_knows_them_at_once(
    shop: list[str], how: str
) -> None:
    trained(algorithms=["ease"])
    trained("interests")
    trained("clusters")
    who = customer(shop[1])
    category = Category.objects.get(pk=Interest.objects.filter(customer=who).first().category_id)
    rules = [{"interest": category.slug, "gte": 0}, {"affinity": {"sku": "garden1"}, "top": 500}]
    assert serving.recommend(who, at=NOW, limit=3).personalized
    before = [segments.matching(rule, at=NOW).filter(pk=who).exists() for rule in rules]
    assert before == [True, True]
    match how:
        case "withdrawn":
            leaves([shop[1]])
        case "erased":
            privacy.erase(who, actor="tests", at=NOW)
        case "restricted":
            Customer.objects.filter(pk=who).update(restricted_at=NOW)
    assert not serving.recommend(who, at=SOON, limit=3).personalized
    assert [segments.matching(rule, at=SOON).filter(pk=who).exists() for rule in rules] == [False, False]
    if how != "restricted":
        training.forget_who_left(at=SOON)
        assert not Interest.objects.filter(customer=who).exists()
        assert not ClusterMembership.objects.filter(customer=who).exists()
        assert Interest.objects.exists()


def test_d4_interests_and_groups_are_learnt_anew_without_them(shop: list[str]) -> None:
    for task in ("interests", "clusters"):
        trained(task)
    before = {task: live(task).pk for task in ("interests", "clusters")}
    leaves(shop[1:3])
    assert training.forget_who_left(at=SOON) == []  # not for everybody anew
    asked = training.forget_who_left(at=LATER)
    assert {(run.task, run.requested_by) for run in asked} == {
        ("interests", "who left"),
        ("clusters", "who left"),
    }
    assert training.forget_who_left(at=LATER) == []  # asked once
    work(LATER)
    for task, pk in before.items():
        assert live(task).pk != pk
        assert live(task).people == 106
    assert training.forget_who_left(at=LATER + timedelta(hours=7)) == []  # they are in nothing any more


def test_d4_where_nobody_left_nothing_is_learnt_anew(shop: list[str]) -> None:
    trained("interests")
    assert training.forget_who_left(at=NOW + timedelta(days=3)) == []
    assert live("interests") is not None


def test_d4_what_could_not_be_learnt_anew_within_a_day_serves_no_longer(shop: list[str]) -> None:
    trained("interests")
    leaves([shop[1]])
    training.forget_who_left(at=LATER)
    TrainingRun.objects.filter(task="interests", state="waiting").update(state="failed")
    training.forget_who_left(at=NOW + timedelta(hours=23))
    assert live("interests") is not None
    TrainingRun.objects.filter(state="waiting").update(state="failed")
    training.forget_who_left(at=NOW + timedelta(hours=25))
    assert live("interests") is None
    assert not Interest.objects.exists()
    assert TrainingRun.objects.filter(task="interests", state="waiting").exists()


def test_d2_d4_who_is_erased_while_it_learns_keeps_no_row(shop: list[str], monkeypatch) -> None:
    who = customer(shop[1])
    original = forgetting.ModelVersion.objects.create

    def erasing(**columns):
        """After it was learnt, before it is written down."""
        if Customer.objects.filter(pk=who, erased_at__isnull=True).exists():
            privacy.erase(who, actor="tests", at=SOON)
        return original(**columns)

    monkeypatch.setattr(ModelVersion.objects, "create", erasing)
    for task in ("interests", "clusters"):
        trained(task)
    for model in (Interest, ClusterMembership, Score):
        assert not model.objects.filter(customer=who).exists()
    # Written by a training that had not committed when they left: gone within the minute.
    Interest.objects.create(
        customer_id=who, category=Category.objects.first(), probability=0.5, model=live("interests")
    )
    training.forget_who_left(at=SOON)
    assert not Interest.objects.filter(customer=who).exists()


def test_d4_a_neighbour_who_left_is_in_no_score_after_the_minute(shop: list[str]) -> None:
    """Neighbours are people: what serves then is what would have been learnt without them."""
    trained(algorithms=["ease"])
    version = live(Task.RECOMMEND)
    neighbours = go_live(make("user_knn", {}))
    ModelVersion.objects.filter(pk=neighbours.pk).update(
        acts_file=version.acts_file, acts_sha256=version.acts_sha256, consents_until=version.consents_until
    )
    leaves(shop[1:5])
    training.renew(at=SOON)
    after = live(Task.RECOMMEND)
    model = storage.load(settings.MODEL_DIR / after.file, sha256=after.sha256)
    assert not {customer(name) for name in shop[1:5]} & set(model.users_.tolist())
    assert len(model.users_) == after.people == neighbours.people - 4
