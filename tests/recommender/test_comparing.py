"""Two versions are compared by the path that serves, and another one is put live by hand with what it learnt from."""

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers import consent
from recommender import serving, training
from recommender.models import ModelVersion
from tests import desk
from tests.conftest import NOW
from tests.recommender.test_training_and_serving import customer, shop, trained

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


@pytest.fixture
def two(shop: list[str]) -> tuple[ModelVersion, ModelVersion]:
    """The live version, and one that was refused."""
    trained(algorithms=["frequency", "item_knn", "blend", "ease", "hybrid"])
    trained(algorithms=["popularity", "item_knn_asymmetric"])
    rows = ModelVersion.objects.filter(task="recommend")
    return rows.get(state="live"), rows.get(state="refused")


def beside(one: ModelVersion, other: ModelVersion, **asked: str) -> str:
    return reverse(
        "admin:recommender_modelversion_compare", query={"left": one.pk, "right": other.pk, **asked}
    )


def act(name: str, row: ModelVersion) -> str:
    return reverse(f"admin:recommender_modelversion_{name}", args=[row.pk])


def states() -> dict[int, str]:
    return dict(ModelVersion.objects.filter(task="recommend").values_list("pk", "state"))


def test_each_side_is_what_its_own_version_would_serve(client, two) -> None:
    live, refused = two
    told = client.get(beside(live, refused, customer="p1"))
    (_left, one), (_right, other) = told.context["lists"]
    assert [item.sku for item in one] == [
        item.sku for item in serving.recommend(customer("p1"), at=NOW, explain=False).items
    ]
    own = serving.AskedOf([customer("p1")], refused)
    served = serving.recommend(customer("p1"), at=NOW, asked=own)
    assert served.model == refused
    assert {item.sku for item in other} == {item.sku for item in served.items}
    both = {item.sku for item in one} & {item.sku for item in other}
    assert f"{len(both)} of 10 products stand in both lists" in told.content.decode()
    assert all(item.moved for item in one)


def test_a_version_is_not_compared_with_itself(client, two) -> None:
    told = client.get(beside(two[0], two[0], customer="p1"))
    assert not told.context.get("lists")
    assert "That is the same version twice" in told.content.decode()


def test_a_comparison_asks_a_bounded_number_of_questions(client, two) -> None:
    address = beside(*two, customer="p1")
    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        client.get(address)
    assert len(asked) <= 30


def test_a_version_whose_file_is_gone_is_not_offered_and_can_be_trained_again(client, two) -> None:
    live, refused = two
    (settings.MODEL_DIR / refused.file).unlink()
    told = client.get(beside(live, refused, customer="p1"))
    assert not told.context.get("lists")
    assert "Versions whose files are deleted cannot be compared" in told.content.decode()
    again = client.get(act("train_again", refused))
    assert again["Location"].startswith(reverse("admin:recommender_trainingrun_train"))
    assert client.post(act("put_live", refused)).status_code == 302
    assert (states()[live.pk], states()[refused.pk]) == ("live", "refused")


def test_a_version_is_put_live_with_a_confirmation_and_back_again(client, two) -> None:
    live, refused = two
    told = client.get(act("put_live", refused)).content.decode()
    assert "It was refused because it was not surely better" in told
    assert ModelVersion.objects.get(pk=live.pk).state == "live", "looking changes nothing"
    client.post(act("put_live", refused))
    assert (states()[live.pk], states()[refused.pk]) == ("retired", "live")
    assert ModelVersion.objects.get(pk=refused.pk).reason == "put live by hand by marta"
    assert serving.recommend(customer("p1"), at=NOW).model == refused
    client.post(act("put_live", live))
    assert (states()[live.pk], states()[refused.pk]) == ("live", "retired")


def test_d4_who_left_since_is_taken_out_of_what_is_put_live(client, two) -> None:
    _live, refused = two
    consent.withdraw(customer("p1"), "personalization", method="page", source="t", actor="customer", at=NOW)
    client.post(act("put_live", refused))
    training.renew(at=NOW)
    assert ModelVersion.objects.get(pk=refused.pk).people == refused.people - 1


def test_what_serves_another_task_is_not_put_live_by_hand(client, two) -> None:
    popular = ModelVersion.objects.filter(task="popular").latest("pk")
    ModelVersion.objects.filter(pk=popular.pk).update(state="retired")
    with pytest.raises(training.CannotServe):
        training.put_live(popular, by="marta")
    assert ModelVersion.objects.get(pk=popular.pk).state == "retired"


def test_the_list_of_models_has_a_card_a_task_and_asks_no_more_of_many(client, two) -> None:
    listed = reverse("admin:recommender_modelversion_changelist")
    told = client.get(listed)
    assert len(told.context["cards"]) == 7
    assert "Nothing serves" in told.content.decode()
    with CaptureQueriesContext(connection) as asked:
        client.get(listed)
    assert len(asked) <= 20
