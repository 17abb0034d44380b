"""Training promotes only what is better; serving follows the newest history and the consent of this moment."""

from datetime import timedelta
from decimal import Decimal
from importlib.util import find_spec

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.imports import ProductInput, save_products
from catalog.models import Category, Product
from customers import consent, events, identities
from customers.events import Incoming
from customers.models import Customer
from recommender import evaluation, serving, training
from recommender.algorithms.base import Recommender
from recommender.algorithms.compare import Candidate
from recommender.algorithms.interactions import Interactions
from recommender.algorithms.presets import ALL, FLOORS
from recommender.models import ClusterMembership, Interest, ModelVersion, Task, TrainingRun
from recommender.serving import Filters
from tests.conftest import NOW, evidence

pytestmark = pytest.mark.django_db


def buys(who: str, sku: str, days_ago: float, *, kind: str = "ordered") -> Incoming:
    return Incoming(
        message_id=f"{who}-{sku}-{days_ago}-{kind}",
        type=kind,
        customer=who,
        sku=sku,
        value=Decimal(10),
        currency="EUR",
        order_id=f"{who}-{days_ago}" if kind == "ordered" else "",
        occurred_at=NOW - timedelta(days=days_ago),
    )


@pytest.fixture
def shop(db: None, settings, tmp_path) -> list[str]:
    """120 people of two camps who buy their few things and others of their camp; every tenth does not allow personalization."""
    settings.MODEL_DIR = tmp_path
    rng = np.random.default_rng(11)
    save_products(
        [
            ProductInput(
                sku=f"{camp}{n}", title=f"{camp} thing {n}", category=camp, price=Decimal(10), currency="EUR"
            )
            for camp in ("garden", "kitchen")
            for n in range(12)
        ],
        at=NOW,
    )
    names = [f"p{n}" for n in range(120)]
    ids = identities.find_or_create(names)
    grants = [
        consent.Answer(ids[name], purpose, True, evidence(purpose))
        for n, name in enumerate(names)
        for purpose in ("analytics", "personalization")
        if n % 10
    ]
    consent.record(grants, at=NOW - timedelta(days=300))
    batch = []
    for n, name in enumerate(names):
        camp = "garden" if n % 2 else "kitchen"
        mine = rng.choice(12, 4, replace=False)
        for day in rng.choice(np.arange(1, 200), 16, replace=False):
            thing = rng.choice(mine) if rng.random() < 0.4 else rng.integers(12)
            batch.append(buys(name, f"{camp}{thing}", float(day)))
    events.take_in(batch, source="tests", at=NOW)
    return names


def trained(task: str = "recommend", algorithms: list[str] | None = None) -> TrainingRun:
    training.ask(task, algorithms=algorithms or ["frequency", "item_knn", "blend", "popularity"])
    run = training.claim(at=NOW)
    assert run is not None
    return training.work(run, at=NOW)


def customer(name: str) -> int:
    return identities.find([name])[name]


def test_the_first_champion_goes_live_with_its_figures(shop: list[str]) -> None:
    run = trained()
    version = ModelVersion.objects.get(task=Task.RECOMMEND)
    assert (run.state, run.progress, version.state) == ("done", 1.0, "live")
    labels = [row["algorithm"] for row in version.metrics["test"]]
    assert {"popularity", "frequency"} <= set(labels)
    assert version.people == 108  # every tenth did not allow it
    assert run.result["promoted"]


def test_what_is_not_better_is_refused_and_the_live_one_stays(shop: list[str]) -> None:
    best = trained(algorithms=["frequency", "item_knn", "blend", "ease", "hybrid"]).result["algorithm"]
    before = ModelVersion.objects.get(task=Task.RECOMMEND, state="live")
    run = trained(algorithms=["popularity", "item_knn_asymmetric"])
    assert run.result["algorithm"] != best
    assert not run.result["promoted"]
    refused = ModelVersion.objects.get(task=Task.RECOMMEND, state="refused")
    assert refused.pk == run.result["model"]
    live = ModelVersion.objects.get(task=Task.RECOMMEND, state="live")
    assert (live.metrics["label"], live.algorithm, live.parameters) == (
        best,
        before.algorithm,
        before.parameters,
    )
    assert best in [row["algorithm"] for row in live.metrics["test"]]


def test_the_same_champion_is_renewed_every_night(shop: list[str]) -> None:
    first, second = trained(), trained()
    assert second.result["algorithm"] == first.result["algorithm"]
    assert second.result["promoted"]
    assert second.result["reason"] == "the same algorithm as before, learnt from newer behaviour"
    states = ModelVersion.objects.filter(task=Task.RECOMMEND).order_by("pk").values_list("state", flat=True)
    assert list(states) == ["retired", "live"]


def test_d4_a_live_model_that_stays_is_learnt_anew_without_those_who_left(shop: list[str]) -> None:
    trained(algorithms=["frequency", "item_knn", "blend", "ease", "hybrid"])
    leaves(shop[1:60])
    run = trained(algorithms=["popularity", "item_knn_asymmetric"])
    assert not run.result["promoted"]
    remaining = 108 - sum(1 for n in range(1, 60) if n % 10)
    assert set(
        ModelVersion.objects.filter(state="live", task__in=(Task.RECOMMEND, Task.POPULAR)).values_list(
            "people", flat=True
        )
    ) == {remaining}


def test_d4_with_too_few_left_to_measure_on_the_model_is_still_learnt_anew(shop: list[str]) -> None:
    trained()
    before = ModelVersion.objects.get(task=Task.RECOMMEND, state="live")
    leaves(shop[:112])
    assert "Fewer than" in trained().result["refused"]
    live = ModelVersion.objects.get(task=Task.RECOMMEND, state="live")
    assert (live.people, live.algorithm) == (8, before.algorithm)
    leaves(shop[112:])
    assert trained().result["refused"]
    assert not ModelVersion.objects.filter(state="live", task__in=(Task.RECOMMEND, Task.POPULAR)).exists()
    assert serving.recommend(None, at=NOW, limit=3).items  # the newest products, for everybody


def test_d4_the_files_of_models_that_serve_no_longer_are_deleted(shop: list[str]) -> None:
    for _twice in range(2):
        trained()
    torn = settings.MODEL_DIR / ".writing-torn"
    torn.write_bytes(b"half a model")
    assert training.drop_files(at=timezone.now()) == 0  # a server may be opening one
    # Both models, what they learnt from, and the torn file.
    assert training.drop_files(at=timezone.now() + timedelta(hours=2)) == 4
    live = ModelVersion.objects.filter(state="live").values_list("file", "acts_file")
    assert {path.name for path in settings.MODEL_DIR.iterdir()} == {name for files in live for name in files}
    assert serving.recommend(customer("p1"), at=NOW, limit=3).personalized


def leaves(names: list[str]) -> None:
    for pk in identities.find(names).values():
        consent.withdraw(pk, "personalization", method="page", source="tests", actor="customer", at=NOW)


def test_a_run_whose_worker_died_is_taken_up_when_its_lease_is_over(shop: list[str]) -> None:
    training.ask("clusters")
    first = training.claim(at=NOW)
    assert first is not None
    assert training.claim(at=NOW + timedelta(minutes=1)) is None
    again = training.claim(at=NOW + training.LEASE + timedelta(seconds=1))
    assert again is not None
    assert again.pk == first.pk


def test_too_little_data_is_a_result_and_not_an_error(db: None) -> None:
    for task in training.TRAINABLE:
        run = trained(task, ["frequency"])
        assert run.state == "done"
        assert run.result["refused"]
    assert not ModelVersion.objects.exists()


def test_a_catalogue_too_large_for_one_algorithm_does_not_stop_the_others() -> None:
    many = np.arange(20_001)
    bought = Interactions.of(np.zeros(20_001, dtype=np.int64), many, np.zeros(20_001))
    labels = {candidate.label for candidate in evaluation.candidates_for(bought, [])}
    assert labels == {candidate.label for candidate in ALL} - {
        "ease",
        "ease_faded",
        "learnt_ease",
        "sequence",
    }
    assert "ease" in {candidate.label for candidate in evaluation.candidates_for(bought, ["ease"])}


class TooLarge(Candidate):
    """What asks for more memory than there is."""

    def make(self) -> Recommender:
        np.empty(2**62, dtype=np.int8)
        raise AssertionError("so much memory is nowhere")


def test_what_does_not_fit_into_memory_does_not_compete(shop: list[str]) -> None:
    bought = evaluation.learnable(at=NOW)
    ranked = evaluation.choose(bought, [*FLOORS, TooLarge("too large", "ease", {})])
    assert {row.candidate.label for row in ranked["all"]} == {"popularity", "frequency"}


def test_the_next_answer_knows_the_newest_purchase(shop: list[str]) -> None:
    trained(algorithms=["item_knn"])
    who = customer("p1")
    before = serving.recommend(who, at=NOW, limit=5)
    events.take_in([buys("p1", "kitchen3", n / 1000) for n in range(1, 15)], source="tests", at=NOW)
    after = serving.recommend(who, at=NOW, limit=5)
    assert "kitchen3" not in [item.sku for item in before.items]
    assert after.items[0].sku == "kitchen3"


def test_whoever_does_not_allow_it_gets_what_strangers_get(shop: list[str]) -> None:
    trained()
    refused, stranger = serving.recommend(customer("p0"), at=NOW), serving.recommend(None, at=NOW)
    assert not refused.personalized
    assert [item.sku for item in refused.items] == [item.sku for item in stranger.items]
    assert len(stranger.items) == 10
    allowed = serving.recommend(customer("p1"), at=NOW)
    assert allowed.personalized
    assert allowed.permission is not None
    consent.withdraw(customer("p1"), "personalization", method="page", source="t", actor="customer", at=NOW)
    assert serving.recommend(customer("p1"), at=NOW).items == stranger.items


def test_a_list_says_why(shop: list[str]) -> None:
    trained(algorithms=["blend"])
    who = customer("p3")
    bought = set(Customer.objects.get(pk=who).events.values_list("product__sku", flat=True))
    answer = serving.recommend(who, at=NOW, filters=Filters(mode="new"))
    assert answer.items[0].reason.type == "because_bought"
    assert set(answer.items[0].reason.skus) <= bought
    assert answer.items[0].reason.text.startswith("Because you bought garden thing")
    again = serving.recommend(who, at=NOW, filters=Filters(mode="again"))
    assert {item.sku for item in again.items} <= bought


def test_filters_hold_at_once(shop: list[str]) -> None:
    trained()
    first = serving.recommend(customer("p1"), at=NOW).items[0]
    save_products([ProductInput(sku=first.sku, in_stock=False)], at=NOW)
    assert first.sku not in [item.sku for item in serving.recommend(customer("p1"), at=NOW, limit=24).items]
    shown = serving.recommend(customer("p1"), at=NOW, limit=24, filters=Filters(in_stock=False))
    assert first.sku in [item.sku for item in shown.items]
    kitchen = Category.objects.get(name="kitchen").pk
    only = serving.recommend(customer("p1"), at=NOW, filters=Filters(category_ids=[kitchen]))
    assert only.items
    assert all(item.sku.startswith("kitchen") for item in only.items)


def test_without_any_model_the_newest_products_are_shown(products: dict[str, Product]) -> None:
    answer = serving.recommend(None, at=NOW, limit=3)
    assert [item.reason.type for item in answer.items] == ["new"] * 3
    assert answer.model is None


def test_s8_a_torn_model_file_is_refused_and_strangers_lists_remain(shop: list[str]) -> None:
    trained()
    version = ModelVersion.objects.get(task=Task.RECOMMEND, state="live")
    path = settings.MODEL_DIR / version.file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    serving.live.loaded.cache_clear()
    answer = serving.recommend(customer("p1"), at=NOW)
    assert not answer.personalized
    assert len(answer.items) == 10


def test_many_people_cost_no_more_queries_than_one(shop: list[str]) -> None:
    trained()
    with CaptureQueriesContext(connection) as one:
        serving.recommend_many([customer("p1")], at=NOW)
    ids = [customer(name) for name in shop[:60]]
    with CaptureQueriesContext(connection) as many:
        answers = serving.recommend_many(ids, at=NOW)
    assert len(many) <= len(one)
    assert sum(answer.personalized for answer in answers.values()) == 54
    single = serving.recommend(ids[1], at=NOW, explain=False)
    assert [item.sku for item in answers[ids[1]].items] == [item.sku for item in single.items]


def test_interests_and_clusters_are_written_for_those_who_allow(shop: list[str]) -> None:
    trained("clusters")
    assert ClusterMembership.objects.count() == 108
    trained("interests")
    version = ModelVersion.objects.filter(task=Task.INTERESTS).first()
    if version is not None:  # with so few people a window may hold too few examples; then nothing is claimed
        assert set(Interest.objects.values_list("customer_id", flat=True)).isdisjoint({customer("p0")})
        assert all(0 <= p <= 1 for p in Interest.objects.values_list("probability", flat=True))


def test_the_commands_speak(shop: list[str], capsys) -> None:
    call_command("train", "--task", "recommend", "--algorithm", "frequency")
    call_command("evaluate", "--algorithms", "frequency", "item_knn,blend", "--json")
    with pytest.raises(CommandError, match="no algorithm nonsense"):
        call_command("evaluate", "--algorithms", "nonsense")
    with pytest.raises(CommandError, match="at least 1"):
        call_command("recommend", "p1", "--limit", "0")
    call_command("recommend", "p1", "--limit", "3", "--explain")
    said = capsys.readouterr().out
    assert "is live" in said
    assert '"ndcg10_low"' in said
    assert "You bought it before" in said


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed here")
def test_what_cannot_learn_here_says_what_to_install_and_nothing_goes_live(shop: list[str]) -> None:
    with pytest.raises(CommandError, match=r"^recommend: .*pip install -r requirements-deep\.txt$"):
        call_command("train", "--task", "recommend", "--algorithm", "lstm")
    assert "pip install" in TrainingRun.objects.get().result["error"]
    assert not ModelVersion.objects.exists()
    with pytest.raises(CommandError, match="pip install"):
        call_command("evaluate", "--algorithms", "attention")
