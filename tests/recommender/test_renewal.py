"""A live model keeps up between two trainings."""

from datetime import timedelta

import numpy as np
import pytest
from django.conf import settings

from customers import consent, events, identities, privacy
from customers.models import Customer
from recommender import evaluation, serving, training
from recommender.algorithms import storage
from recommender.algorithms.registry import make
from recommender.models import ModelVersion, Task
from recommender.training import renewal
from tests.conftest import NOW, evidence
from tests.recommender.test_training_and_serving import (
    buys,
    customer,
    leaves,
    shop,
    trained,
)

__all__ = ["shop"]
pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=5)
NEXT = NOW + timedelta(hours=2)


def live(task: str = Task.RECOMMEND) -> ModelVersion:
    return ModelVersion.objects.get(task=task, state="live")


def arrays(version: ModelVersion) -> dict[str, np.ndarray]:
    return storage.load(settings.MODEL_DIR / version.file, sha256=version.sha256).state()


def learnt_anew(version: ModelVersion, *, at: float, moment) -> dict[str, np.ndarray]:
    acts = evaluation.learnable(at=moment)
    return make(version.algorithm, version.parameters).fit(acts, at=at, texts=evaluation.texts()).state()


def assert_alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, array in other.items():
        np.testing.assert_allclose(one[name], array, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("label", ["ease", "blend", "item_knn"])
def test_d4_who_left_or_was_erased_is_taken_out_within_the_minute_exactly(
    shop: list[str], label: str
) -> None:
    trained(algorithms=[label])
    before = live()
    _acts, day = renewal.read_acts(before)
    leaves([shop[1]])
    privacy.erase(customer(shop[2]), actor="customer", at=NOW)
    assert {version.task for version in training.renew(at=LATER)} == {Task.POPULAR, Task.RECOMMEND}
    after = live()
    assert (after.pk, after.people, after.file == before.file) == (before.pk, before.people - 2, False)
    assert_alike(arrays(after), learnt_anew(after, at=day, moment=LATER))
    kept, _day = renewal.read_acts(after)
    assert identities.find([shop[1]])[shop[1]] not in kept.users
    assert training.renew(at=LATER + timedelta(minutes=1)) == []  # there is nothing more to do


def test_d4_whose_data_are_restricted_is_taken_out_within_the_hour_exactly(shop: list[str]) -> None:
    trained(algorithms=["ease"])
    _acts, day = renewal.read_acts(live())
    Customer.objects.filter(pk=customer(shop[1])).update(restricted_at=NOW)
    training.renew(at=NEXT)
    after = live()
    assert customer(shop[1]) not in renewal.read_acts(after)[0].users
    assert_alike(arrays(after), learnt_anew(after, at=day, moment=NEXT))
    assert serving.recommend(customer(shop[1]), at=NEXT, limit=3).personalized is False


def test_new_acts_are_worked_in_every_hour_and_equal_a_full_training(shop: list[str]) -> None:
    trained(algorithms=["ease"])
    more = [buys(name, f"kitchen{n % 12}", -1 / 24) for n, name in enumerate(shop[:40])]
    events.take_in(more, source="tests", at=NEXT)
    assert training.renew(at=LATER) == []  # the hour is not over
    people = live().people
    training.renew(at=NEXT)
    after = live()
    acts, day = renewal.read_acts(after)
    assert (after.people, after.renewed_at) == (people, NEXT)
    assert len(acts) == len(evaluation.learnable(at=NEXT)) == after.interactions
    assert_alike(arrays(after), learnt_anew(after, at=day, moment=NEXT))


def test_acts_of_people_who_allow_nothing_are_never_worked_in(shop: list[str]) -> None:
    trained(algorithms=["ease"])
    # shop[0] never allowed it; a newcomer has not been asked.
    identities.find_or_create(["newcomer"])
    events.take_in(
        [buys(shop[0], "kitchen1", -1 / 24), buys("newcomer", "kitchen1", -1 / 24)], source="tests", at=NEXT
    )
    training.renew(at=NEXT)
    acts, _day = renewal.read_acts(live())
    assert not set(acts.users.tolist()) & {customer(shop[0]), customer("newcomer")}


def test_who_says_no_and_yes_again_stays(shop: list[str]) -> None:
    trained(algorithms=["ease"])
    leaves([shop[1]])
    again = consent.Answer(customer(shop[1]), "personalization", True, evidence("personalization"))
    consent.record([again], at=LATER)
    assert training.renew(at=LATER) == []
    assert customer(shop[1]) in renewal.read_acts(live())[0].users


def test_a_training_that_came_in_between_wins(shop: list[str]) -> None:
    trained(algorithms=["ease"])
    stale = live()
    trained(algorithms=["ease"])
    newest = live()
    leaves([shop[1]])
    assert not renewal._renew(stale, at=LATER)
    assert (live().pk, live().file) == (newest.pk, newest.file)
    assert ModelVersion.objects.get(pk=stale.pk).file == stale.file


def test_a_torn_file_does_not_keep_the_others_waiting(shop: list[str]) -> None:
    trained(algorithms=["blend"])
    torn = live()
    (settings.MODEL_DIR / torn.file).write_bytes(b"half")
    leaves([shop[1]])
    assert [version.task for version in training.renew(at=LATER)] == [Task.POPULAR]
    assert live().file == torn.file


def test_d4_a_model_that_cannot_be_learnt_anew_serves_nobody_who_has_left(shop: list[str]) -> None:
    trained(algorithms=["ease"])
    version = live()
    acts, day = renewal.read_acts(version)
    model = make("ease", {"max_items": len(acts.items)}).fit(acts, at=day)
    model.max_items -= 1  # as if the catalogue had outgrown it
    sha256 = storage.save(settings.MODEL_DIR / "outgrown.npz", model)
    ModelVersion.objects.filter(pk=version.pk).update(file="outgrown.npz", sha256=sha256)
    events.take_in([buys(name, "garden1", -0.05) for name in shop[:40]], source="tests", at=NEXT)
    assert [changed.task for changed in training.renew(at=NEXT)] == [Task.POPULAR]
    assert live().file == "outgrown.npz"  # nobody has left: it goes on serving
    leaves(shop[:1])
    training.renew(at=NEXT)
    assert live().file == "outgrown.npz"  # who said no was never in it
    leaves(shop[:12])
    assert {changed.task for changed in training.renew(at=NEXT)} == {Task.POPULAR, Task.RECOMMEND}
    retired = ModelVersion.objects.get(pk=version.pk)
    assert retired.state == "retired"
    assert "cannot be learnt anew: " in retired.reason
    assert "the limit is" in retired.reason


def test_when_everybody_has_left_nothing_serves(shop: list[str]) -> None:
    trained(algorithms=["blend"])
    leaves(shop)
    training.renew(at=LATER)
    assert not ModelVersion.objects.filter(state="live").exists()
    assert serving.recommend(None, at=LATER, limit=3).items  # the newest products, for everybody
