"""People's futures are told from the behaviour of those who allow it, with figures, or not at all."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from campaigns.segments import matching
from catalog.imports import ProductInput, save_products
from customers import consent, events, identities, privacy
from customers.events import Incoming
from recommender import training
from recommender.models import ModelVersion, Score, Task
from tests import desk
from tests.conftest import NOW, evidence

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PEOPLE = 200


def shop_of(n: int) -> dict[str, int]:
    """Half come every two weeks or so, half every two months; every tenth does not allow personalization."""
    rng = np.random.default_rng(5)
    save_products(
        [ProductInput(sku=f"s{i}", title=f"thing {i}", category="ab"[i % 2]) for i in range(6)], at=NOW
    )
    ids = identities.find_or_create([f"p{i}" for i in range(n)])
    consent.record(
        [
            consent.Answer(pk, "personalization", True, evidence("personalization"))
            for i, pk in enumerate(ids.values())
            if i % 10
        ],
        at=NOW - timedelta(days=300),
    )
    batch = []
    for i, name in enumerate(ids):
        day, leaves = 230.0 * rng.random() + 10, rng.random() * 300
        while True:
            batch.append(
                Incoming(
                    message_id=f"{name}-{day}", type="ordered", customer=name, sku=f"s{rng.integers(6)}",
                    value=Decimal(10 + 10 * (i % 3)), currency="EUR", order_id=f"{name}-{day}",
                    occurred_at=NOW - timedelta(days=day),
                )
            )  # fmt: skip
            day -= rng.exponential(14 if i % 2 else 60)
            if day < max(0.5, 100 - leaves):
                break
    events.take_in(batch, source="tests", at=NOW)
    return ids


def trained():
    training.ask(Task.PROPENSITY)
    run = training.claim(at=NOW)
    return training.work(run, at=NOW)


def test_everyone_who_allows_it_gets_scores_with_their_figures(tmp_path, settings) -> None:
    settings.MODEL_DIR = tmp_path
    ids = shop_of(PEOPLE)
    run = trained()
    assert run.state == "done", run.result
    model = ModelVersion.objects.get(task=Task.PROPENSITY, state="live")
    allowing = {pk for i, pk in enumerate(ids.values()) if i % 10}
    assert set(Score.objects.values_list("customer_id", flat=True)) == allowing
    labels = {row["algorithm"] for row in model.metrics["test"]}
    assert {"purchase: base rate", "purchase: recency"} <= labels
    assert f"purchase: {model.metrics['purchase_winner']}" in labels
    assert all(row["auc_low"] <= row["auc"] <= row["auc_high"] for row in model.metrics["test"])
    assert "purchase_refused" not in model.metrics
    scores = Score.objects.in_bulk(field_name="customer_id")
    told = {pk: float(score.purchase) for pk, score in scores.items()}
    assert all(0 <= p <= 1 for p in told.values())
    often = np.mean([told[pk] for i, pk in enumerate(ids.values()) if i % 10 and i % 2])
    seldom = np.mean([told[pk] for i, pk in enumerate(ids.values()) if i % 10 and not i % 2])
    assert often > seldom
    assert all(float(score.lifetime_value) > 0 for score in scores.values())
    dated = [score.expected_at for score in scores.values() if score.expected_at is not None]
    assert dated
    assert min(dated) >= (NOW - timedelta(days=30)).date()

    # A withdrawal empties the segment at once; erasure takes the row.
    anyone = {"score": "lifetime_value", "gt": 0}
    first, second = sorted(allowing)[:2]
    assert matching(anyone, at=NOW).count() == len(allowing)
    consent.withdraw(first, "personalization", method="page", source="t", actor="customer", at=NOW)
    assert matching(anyone, at=NOW).count() == len(allowing) - 1
    privacy.erase(second, actor="t", at=NOW)
    assert not Score.objects.filter(customer_id=second).exists()

    client = Client()
    client.force_login(desk.staff())
    page = client.get(reverse("admin:recommender_modelversion_change", args=[model.pk])).content.decode()
    assert "purchase: recency" in page
    assert model.metrics["purchase_auc"] in page
    listed = client.get(reverse("admin:recommender_score_changelist")).content.decode()
    assert f"{Score.objects.order_by('-pk').first().purchase:.0%}" in listed


def test_too_little_is_said_in_words_and_nothing_is_told(tmp_path, settings, capsys) -> None:
    settings.MODEL_DIR = tmp_path
    ids = shop_of(12)
    model = ModelVersion.objects.create(
        task=Task.PROPENSITY, algorithm="futures", state="live", file="f", sha256="0" * 64, people=1,
        interactions=1, trained_until=NOW,
    )  # fmt: skip
    Score.objects.create(customer_id=ids["p1"], purchase=0.5, model=model)
    call_command("train", "--task", "propensity")
    said = capsys.readouterr().out
    assert "propensity: not enough data yet. purchase: To choose by, 30 who did" in said
    assert "lifetime value: When people return is learnt from 100 people" in said
    assert not Score.objects.exists()  # an old row may be of somebody who has left
    assert not ModelVersion.objects.filter(task=Task.PROPENSITY, state="live").exists()
