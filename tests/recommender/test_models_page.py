"""A model's page: what is shown of it, beside those before it, in a fixed number of queries."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from recommender.admin import versions
from recommender.admin.figures import Headline, measured
from recommender.models import ModelVersion
from tests import desk
from tests.conftest import NOW
from tests.recommender.test_training_and_serving import shop, trained

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def page(row: ModelVersion) -> str:
    return reverse("admin:recommender_modelversion_change", args=[row.pk])


def ranked(label: str, ndcg: float, *, half: float = 0.01, **more: Any) -> dict[str, Any]:
    return {
        "algorithm": label, "ndcg10": ndcg, "ndcg10_low": ndcg - half, "ndcg10_high": ndcg + half,
        "people": 900, "coverage10": 0.4321, "gini": 0.8765, **more,
    }  # fmt: skip


def version(n: int, **fields: Any) -> ModelVersion:
    ndcg = 0.3 + n / 100
    values: dict[str, Any] = {
        "task": "recommend", "algorithm": "item_knn", "state": "retired", "file": f"{n}.npz", "sha256": "0" * 64,
        "people": 1000 + n, "interactions": 9000, "trained_until": NOW, "parameters": {"neighbours": 100 + n},
        "metrics": {"label": "item_knn", "test": [ranked("item_knn", ndcg), ranked("popularity", 0.1)]},
        **fields,
    }  # fmt: skip
    row = ModelVersion.objects.create(**values)
    ModelVersion.objects.filter(pk=row.pk).update(created_at=NOW + timedelta(days=n))
    row.refresh_from_db()
    return row


def test_the_newest_twelve_stand_beside_a_model_and_an_older_one_below_them() -> None:
    rows = [version(n) for n in range(14)]
    version(99, task="clusters")
    assert versions.around(rows[13]) == rows[:1:-1]
    assert versions.around(rows[0]) == [*rows[:1:-1], rows[0]]


def test_a_line_tells_the_figure_its_interval_the_floor_coverage_and_gini() -> None:
    old, new = version(0), version(1, state="live")
    section = versions.over_time(new, versions.around(new))
    this, that = section.rows
    assert this[1:] == (
        "NDCG@10 0.310\xa0(0.300\xa0…\xa00.320)", "popularity 0.100", "item_knn", "live", "≈ 900", "≈ 1,000", "0.4321", "0.8765",
    )  # fmt: skip
    assert "this one" in this[0]
    assert page(old) in that[0]


def test_the_strips_lie_on_one_scale() -> None:
    rows = [version(0), version(2)]
    told = versions.strips(rows[0], versions.around(rows[0]))
    newest, this = told["strips"]
    assert (told["least"], told["most"], told["name"]) == ("0.100", "0.330", "NDCG@10")
    assert (newest.is_this, this.is_this) == (False, True)
    assert newest.low + newest.width == pytest.approx(99)
    assert newest.floor == this.floor == pytest.approx(1)
    assert newest.point - this.point == pytest.approx(98 * 0.02 / 0.23)
    assert not versions.strips(rows[0], rows[:1])


def test_what_changed_names_the_parameters_that_differ_and_skips_what_was_refused() -> None:
    old = version(0, consents_until=500)
    version(5, state="refused")
    new = version(1, state="live", consents_until=585, people=990)
    assert versions.before(new) == old
    told = {str(row[0]): row[1:] for row in versions.changed(new, old).rows}
    assert told["neighbours"] == ("100", "101", "")
    assert told["people it learnt from"] == ("≈ 1,000", "≈ 990", "≈ -10")
    assert told["interactions"] == ("≈ 9,000", "≈ 9,000", "about the same")
    assert told["consent ledger read until line"] == ("500", "585", "85 answers more")
    assert told["NDCG@10"][2] == "+0.010"
    assert versions.verdict(new, old).endswith("the intervals overlap: it may be chance.")
    first = versions.changed(old, versions.before(old))
    assert (list(first.rows), "the first" in str(first.empty)) == ([], True)


def test_months_whose_intervals_lie_apart_are_said_to_and_a_paired_difference_is_told_where_there_is_one() -> (
    None
):
    old, new = version(0), version(3, state="live")
    assert versions.verdict(new, old) == (
        f"NDCG@10 against version {old.pk}, live before it: +0.030. "
        "Measured on other days and people; the intervals do not overlap."
    )
    new.metrics["against_live"] = {"model": old.pk, "algorithm": "ease", "difference": 0.02, "low": 0.01, "high": 0.03}  # fmt: skip
    assert "+0.0200 (+0.0100 … +0.0300), ease. Both learnt from the same past" in versions.verdict(new, old)
    assert not versions.verdict(old, None)


def test_the_parts_of_a_hybrid_are_told_apart_by_name() -> None:
    part = {"algorithm": "popularity", "weight": 0.1, "parameters": {"half_life": 7.0}}
    hybrid = {"components": [part, {**part, "weight": {"new": 0.5}, "parameters": {"half_life": 30.0}}]}
    assert versions.flat(hybrid) == {
        "popularity · weight": "0.1", "popularity · half_life": "7.0",
        "popularity 2 · weight": "new 0.5", "popularity 2 · half_life": "30.0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"accuracy": 0.8, "accuracy_low": 0.75, "accuracy_high": 0.85, "baseline": 0.6, "brier": 0.1},
         "share right 0.800 (0.750 … 0.850); always the commoner: 0.600"),
        ({"brier": 0.1, "brier_low": 0.09, "brier_high": 0.11, "brier_base_rate": 0.2},
         "Brier (less is better) 0.100 (0.090 … 0.110); base rate: 0.200"),
        ({"silhouette": 0.3, "silhouette_low": 0.2, "silhouette_high": 0.4, "silhouette_by_chance": 0.1},
         "silhouette 0.300 (0.200 … 0.400); shuffled columns: 0.100"),
        ({"purchase_told_by": "boosting", "test": [
            {"algorithm": "purchase: boosting", "auc": 0.8, "auc_low": 0.7, "auc_high": 0.9},
            {"algorithm": "purchase: recency", "auc": 0.6}]},
         "AUC (orders soon) 0.800 (0.700 … 0.900); recency: 0.600"),
    ],
)  # fmt: skip
def test_every_task_has_a_main_figure_with_its_interval_and_its_floor(
    metrics: dict[str, Any], told: str
) -> None:
    head = Headline.of(metrics)
    assert head is not None
    assert head.sentence == told
    assert Headline.of({}) is None


def test_tables_show_gini_and_the_interval_in_the_figure_s_own_cell() -> None:
    table, figures = measured(
        {"test": [ranked("a", 0.3)], "brier": 0.1, "brier_low": 0.05, "brier_high": 0.2}
    )
    assert tuple(table.headers)[1:] == ("NDCG@10", "Cover@10", "Gini")
    assert table.rows == [("a", "0.3000 (0.2900 … 0.3100)", "0.4321", "0.8765")]
    assert [(str(words), value) for words, value in figures.rows] == [
        ("Brier (less is better)", "0.1 (0.05 … 0.2)")
    ]


def test_the_page_costs_the_same_however_many_versions_there_are(client: Client) -> None:
    first = version(0, state="live")
    client.get(page(first))
    counts = []
    for n in (1, 10):
        for k in range(n):
            version(n + k)
        with CaptureQueriesContext(connection) as queries:
            told = client.get(page(first)).content.decode()
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert told.count("<svg") >= 12
    assert "Over time" in told
    assert "What changed" in told


def test_a_heading_that_is_a_link_is_told_beside_each_cell_without_its_markup(client: Client) -> None:
    version(0)
    told = client.get(page(version(1, state="live"))).content.decode()
    assert 'data-label="Before: version' in told
    assert 'data-label="<' not in told


def test_trainings_leave_what_the_page_needs(shop: list[str], client: Client) -> None:
    trained(algorithms=["popularity", "item_knn"])
    trained(algorithms=["blend", "ease"])
    trained("interests")
    trained("clusters")
    for task in ("recommend", "popular", "interests", "clusters"):
        row = ModelVersion.objects.filter(task=task).order_by("-pk")[0]
        head = Headline.of(row.metrics)
        assert head is not None, task
        assert head.floor is not None, task
        assert head.low is not None, task
        assert head.high is not None, task
        assert head.low <= head.value <= head.high, task
        with override("en"):
            assert client.get(page(row)).status_code == 200
    newer = ModelVersion.objects.filter(task="recommend", metrics__has_key="against_live").order_by("-pk")[0]
    paired = newer.metrics["against_live"]
    assert paired["model"] == versions.before(newer).pk
    assert paired["low"] <= paired["difference"] <= paired["high"]
    assert "against_floor" in newer.metrics
    clusters = ModelVersion.objects.get(task="clusters").metrics
    assert clusters["silhouette"] > clusters["silhouette_by_chance"]


def test_the_check_of_expected_buyers_is_shown_or_why_there_is_none() -> None:
    row = {"algorithm": "expected", "auc": 0.9, "auc_low": 0.8, "auc_high": 0.95, "brier": 0.04}
    deciles = [{"told": 1.0, "happened": 0}, {"told": 8.0, "happened": 10, "low": 0.5, "high": 1.3}]
    quality = {"test": [row], "ratio": [0.9, 0.8, 1.0], "deciles": deciles}
    table, parts = measured({"expected": {"weights": [], "quality": quality}})
    assert table.rows == [("expected", "0.9000 (0.8000 … 0.9500)", "0.0400")]
    assert parts.rows[:2] == [(1, 1.0, "0", "–"), (2, 8.0, "≈ 10", "0.80 (0.50 … 1.30)")]
    assert parts.rows[2][3] == "0.90 (0.80 … 1.00)"
    (refused,) = measured({"expected": {"refused": "not enough data yet: 3 of 20 people"}})
    assert (refused.rows, refused.empty) == ([], "not enough data yet: 3 of 20 people")
