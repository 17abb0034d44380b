"""What calls people into a journey, of each kind, and what does not: in virtual time, from rows."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import journeys, triggers
from campaigns.journeys import changes, looks
from campaigns.models import Campaign, JourneyEntry, Segment, Trigger
from catalog.imports import ProductInput, save_products
from customers import consent
from customers.models import Customer
from customers.shops import connections
from recommender.models import ModelVersion, Score
from tests.campaigns.conftest import people
from tests.campaigns.test_journeys import DAY, HOUR, definition, did
from tests.campaigns.test_journeys import journey as journey
from tests.conftest import NOW, evidence
from tests.customers.shops.conftest import SECRET, taken
from tests.customers.shops.payloads import shopify_product

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
Make = Callable[..., Campaign]


def called(entry: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**definition(), "entry": entry, **more}


def inside() -> list[tuple[str, Any]]:
    rows = JourneyEntry.objects.order_by("customer_id", "pk")
    return [
        (entry.customer.external_id, entry.cause.get("skus")) for entry in rows.select_related("customer")
    ]


UNLESS_ORDERED = {"event": "added", "unless": {"did": "ordered", "within_hours": 4}}


# --- events --------------------------------------------------------------------------------------------------------


def test_an_event_calls_once_it_has_settled_and_once_only(journey: Make) -> None:
    anna, berta = people(2)
    row = journey(called({"event": "added"}, reentry="always"))
    did(anna, "added", at=NOW)
    did(berta, "viewed", at=NOW)
    assert triggers.look(row, at=NOW + MINUTE) == 0
    assert triggers.look(row, at=NOW + 2 * MINUTE) == 1
    assert triggers.look(row, at=NOW + 3 * MINUTE) == 0
    entry = JourneyEntry.objects.get()
    assert (entry.customer_id, entry.cause["skus"], entry.entered_at) == (anna, ["rose"], NOW + 2 * MINUTE)
    assert entry.key == f"event:{entry.cause['event']}"


def test_looking_again_from_the_start_enters_nobody_twice(journey: Make) -> None:
    (anna,) = people(1)
    row = journey(called({"event": "added"}, reentry="always"))
    did(anna, "added", at=NOW)
    triggers.look(row, at=NOW + HOUR)
    JourneyEntry.objects.update(state="done", wake_at=None)
    Trigger.objects.update(cursor=0)
    assert triggers.look(row, at=NOW + HOUR) == 0
    assert JourneyEntry.objects.count() == 1


def test_what_happened_before_the_launch_calls_nobody(journey: Make) -> None:
    (anna,) = people(1)
    did(anna, "added", at=NOW - HOUR)
    row = journey(called({"event": "added"}))
    assert triggers.look(row, at=NOW + HOUR) == 0


def test_a_history_taken_in_later_calls_nobody(journey: Make) -> None:
    (anna,) = people(1)
    row = journey(called({"event": "added"}))
    did(anna, "added", at=NOW)
    assert triggers.look(row, at=NOW + 2 * DAY) == 0
    assert Trigger.objects.get().cursor > 0  # looked at, and let go


def test_a_basket_calls_four_hours_later_unless_it_was_ordered(journey: Make) -> None:
    forgot, ordered, emptied = people(3)
    row = journey(called(UNLESS_ORDERED))
    for pk in (forgot, ordered, emptied):
        did(pk, "added", at=NOW)
    did(forgot, "added", at=NOW + HOUR, sku="mug")
    did(ordered, "ordered", at=NOW + 3 * HOUR)
    did(emptied, "removed", at=NOW + 3 * HOUR)
    assert triggers.look(row, at=NOW + 4 * HOUR - MINUTE) == 0
    assert triggers.look(row, at=NOW + 4 * HOUR) == 1
    assert inside() == [("c000", ["rose", "mug"])]  # what called first, then the rest of the basket


def test_of_several_acts_the_last_calls_where_the_same_again_would_keep_it_from_calling(
    journey: Make,
) -> None:
    (anna,) = people(1)
    unless = [{"did": "ordered", "within_hours": 4}, {"did": "added", "within_hours": 4}]
    row = journey(called({"event": "added", "unless": unless}))
    did(anna, "added", at=NOW)
    did(anna, "added", at=NOW + 3 * HOUR, sku="mug")
    assert triggers.look(row, at=NOW + 4 * HOUR) == 0
    assert triggers.look(row, at=NOW + 7 * HOUR) == 1
    assert inside() == [("c000", ["mug", "rose"])]


def test_where_asks_for_the_product_the_category_the_value_and_how_often(journey: Make) -> None:
    once, twice, kitchen = people(3)
    row = journey(called({"event": "viewed", "where": {"category": "garden", "times": 2, "value_gte": 5}}))
    did(once, "viewed", at=NOW)
    did(once, "viewed", at=NOW + MINUTE, sku="spade")
    for minutes in (0, 10):
        did(twice, "viewed", at=NOW + minutes * MINUTE)
        did(kitchen, "viewed", at=NOW + minutes * MINUTE, sku="mug")
    triggers.look(row, at=NOW + HOUR)
    assert inside() == [("c001", ["rose"])]


def test_the_lines_of_an_order_call_once_with_all_of_it(journey: Make) -> None:
    (anna,) = people(1)
    row = journey(called({"event": "ordered"}, goal=None, reentry="always"))
    for sku in ("rose", "mug"):
        did(anna, "ordered", at=NOW, sku=sku)
    assert triggers.look(row, at=NOW + HOUR) == 1
    assert inside() == [("c000", ["rose", "mug"])]
    assert JourneyEntry.objects.get().key == f"order:o{anna}"


def test_c2_who_does_not_allow_the_use_of_what_they_did_is_not_called(journey: Make, products) -> None:
    (anna,) = people(1, allows=("marketing_email", "analytics"))
    row = journey(called({"event": "added"}))
    did(anna, "added", at=NOW)
    assert triggers.look(row, at=NOW + HOUR) == 0


# --- the ledger ----------------------------------------------------------------------------------------------------


def test_who_newly_says_yes_is_called(journey: Make, boris: Customer) -> None:
    people(1)  # who said yes long ago
    row = journey(called({"consented": "marketing_email"}))
    consent.give(boris.pk, "marketing_email", evidence=evidence("marketing_email"), at=NOW + HOUR)
    consent.give(boris.pk, "analytics", evidence=evidence("analytics"), at=NOW + HOUR)
    assert triggers.look(row, at=NOW + 2 * HOUR) == 1
    assert JourneyEntry.objects.get().customer == boris
    assert triggers.look(row, at=NOW + 3 * HOUR) == 0


# --- who people are, and will be -------------------------------------------------------------------------------------


def test_a_segment_calls_whoever_comes_to_match_it_and_is_not_asked_too_often(journey: Make) -> None:
    _anna, berta = people(2)
    Segment.objects.create(slug="gold", name="Gold", rule={"attribute": "tier", "is": "gold"})
    row = journey(called({"segment": "gold", "every_minutes": 30}))
    assert triggers.look(row, at=NOW) == 0
    Customer.objects.filter(pk=berta).update(attributes={"tier": "gold"})
    assert triggers.look(row, at=NOW + 29 * MINUTE) == 0
    assert triggers.look(row, at=NOW + 30 * MINUTE) == 1
    assert triggers.look(row, at=NOW + 60 * MINUTE) == 0  # once, as the journey says
    assert JourneyEntry.objects.get().customer_id == berta


def test_a_segment_is_asked_a_page_of_people_at_a_time(journey: Make, monkeypatch) -> None:
    monkeypatch.setattr(looks, "PAGE", 3)
    people(8)
    Segment.objects.create(slug="all", name="All", rule={"attribute": "id", "exists": True})
    row = journey(called({"segment": "all"}))
    version = journeys.newest(row)
    triggers.begin(version, at=NOW)
    pages = [triggers.look_page(version, at=NOW) for _ in range(3)]
    assert [page.entered for page in pages] == [3, 3, 2]
    assert [page.is_last for page in pages] == [False, False, True]
    assert Trigger.objects.get().cursor == 0


def scored(**people_s: Any) -> ModelVersion:
    """A training's scores, all written anew."""
    model = ModelVersion.objects.create(
        task="propensity", algorithm="futures", state="retired", file="x", sha256="0" * 64, people=1, interactions=1,
        trained_until=NOW, metrics={},
    )  # fmt: skip
    Score.objects.all().delete()
    for name, values in people_s.items():
        Score.objects.create(customer=Customer.objects.get(external_id=name), model=model, **values)
    return model


def test_a_score_calls_when_it_is_told_high_enough(journey: Make) -> None:
    people(3)
    row = journey(called({"score": "churn", "gte": 0.7}, reentry="after_days:90"))
    model = scored(c000={"churn": 0.69}, c001={"churn": 0.7}, c002={"churn": None})
    assert triggers.look(row, at=NOW) == 1
    assert triggers.look(row, at=NOW) == 0
    entry = JourneyEntry.objects.get()
    assert (entry.customer.external_id, entry.key, entry.cause["value"]) == ("c001", f"score:{model.pk}", 0.7)
    scored(c000={"churn": 0.8}, c001={"churn": 0.9})
    assert triggers.look(row, at=NOW + DAY) == 1  # the first again only after ninety days
    assert JourneyEntry.objects.filter(customer__external_id="c000").exists()


def test_an_expected_order_calls_some_days_before_with_what_is_ordered_again(journey: Make) -> None:
    regular, _later, _past = people(3)
    row = journey(called({"expected_order": {"days_before": 3}}, reentry="after_days:14"))
    for n, skus in enumerate((("tea", "rose"), ("tea",))):
        for sku in skus:
            events_of_an_order(regular, f"o{n}", sku, at=NOW - (60 - 30 * n) * DAY)
    scored(
        c000={"expected_at": date(2026, 11, 27)},
        c001={"expected_at": date(2026, 11, 28)},
        c002={"expected_at": date(2026, 11, 23)},
    )
    assert triggers.look(row, at=NOW) == 1
    assert inside() == [("c000", ["tea"])]
    assert triggers.look(row, at=NOW + DAY) == 1
    assert inside() == [("c000", ["tea"]), ("c001", [])]


def events_of_an_order(customer: int, order: str, sku: str, *, at: datetime) -> None:
    from customers.events import Incoming, take_in  # noqa: PLC0415

    name = Customer.objects.get(pk=customer).external_id
    line = Incoming(
        message_id=f"{order}-{sku}", type="ordered", customer=name, sku=sku, order_id=order, occurred_at=at
    )
    assert take_in([line], source="shop", at=at).accepted == 1


# --- what we sell ----------------------------------------------------------------------------------------------------


def priced(sku: str, price: str, *, at: datetime, in_stock: bool | None = None) -> None:
    save_products([ProductInput(sku=sku, price=Decimal(price), in_stock=in_stock)], at=at)


def test_a_price_drop_calls_who_wanted_it_and_has_not_bought_it(journey: Make) -> None:
    viewed, _nobody, bought, long_ago, both = people(5)
    did(viewed, "viewed", at=NOW - 3 * DAY)
    did(bought, "wished", at=NOW - 3 * DAY)
    did(bought, "ordered", at=NOW - 2 * DAY)
    did(long_ago, "viewed", at=NOW - 31 * DAY)
    did(both, "added", at=NOW - DAY)
    did(both, "viewed", at=NOW - DAY, sku="mug")
    row = journey(called({"price_drop": {"percent": 10}}))
    priced("rose", "11.25", at=NOW + HOUR)  # of 12.50: exactly 10 %
    priced("mug", "7.00", at=NOW + HOUR)  # of 8.00
    priced("tea", "4.10", at=NOW + HOUR)  # of 4.50: 8.9 %
    assert triggers.look(row, at=NOW + HOUR + MINUTE) == 0  # not settled
    assert triggers.look(row, at=NOW + 2 * HOUR) == 2
    assert inside() == [("c000", ["rose"]), ("c004", ["rose", "mug"])]
    assert triggers.look(row, at=NOW + 3 * HOUR) == 0


def test_a_price_that_went_up_again_calls_nobody(journey: Make) -> None:
    (anna,) = people(1)
    did(anna, "viewed", at=NOW - DAY)
    row = journey(called({"price_drop": {"percent": 10}}))
    priced("rose", "10.00", at=NOW + HOUR)
    priced("rose", "12.00", at=NOW + 2 * HOUR)
    assert triggers.look(row, at=NOW + 3 * HOUR) == 0


def test_what_comes_back_calls_who_waited_for_it(journey: Make) -> None:
    (anna,) = people(1)
    priced("rose", "12.50", in_stock=False, at=NOW - 2 * DAY)
    did(anna, "wished", at=NOW - DAY)
    row = journey(called({"back_in_stock": {}}))
    priced("mug", "9.00", at=NOW + HOUR)  # was never gone
    priced("rose", "12.50", in_stock=True, at=NOW + HOUR)
    assert triggers.look(row, at=NOW + 2 * HOUR) == 1
    assert inside() == [("c000", ["rose"])]


def test_a_connected_shop_s_new_price_calls_as_any_other_does(journey: Make) -> None:
    (anna,) = people(1)
    shop = connections.connect("shopify", "garden.myshopify.com", label="", currency="EUR", secret=SECRET)
    product = shopify_product(updated_at="2026-11-20T10:00:00Z")
    with time_machine.travel(NOW - 2 * DAY, tick=False):
        taken(shop, "products/create", product)
    did(anna, "viewed", at=NOW - DAY, sku="LAV-S")
    row = journey(called({"price_drop": {"percent": 10}}))
    cheaper = {**product, "variants": [{**product["variants"][0], "price": "5.20"}]}
    with time_machine.travel(NOW + HOUR, tick=False):
        taken(shop, "products/update", cheaper)
    assert triggers.look(row, at=NOW + 2 * HOUR) == 1
    assert inside() == [("c000", ["LAV-S"])]


def test_a_change_s_people_are_called_a_page_at_a_time_each_once(journey: Make, monkeypatch) -> None:
    ids = people(7)
    for pk in ids:
        did(pk, "viewed", at=NOW - DAY)
    row = journey(called({"price_drop": {"percent": 10}}))
    priced("rose", "5.00", at=NOW + HOUR)
    triggers.look(row, at=NOW + 10 * MINUTE)  # past the products' own first prices
    monkeypatch.setattr(changes, "PAGE", 3)
    version = journeys.newest(row)
    assert [triggers.look_page(version, at=NOW + 2 * HOUR).entered for _ in range(4)] == [3, 3, 1, 0]
    assert list(JourneyEntry.objects.order_by("pk").values_list("customer_id", flat=True)) == ids


# --- when it looks at all ------------------------------------------------------------------------------------------


def test_a_journey_looks_only_while_it_runs_and_has_begun_and_not_ended(journey: Make) -> None:
    anna, berta = people(2)
    row = journey(called({"event": "added"}))
    Campaign.objects.update(ends_at=NOW + 3 * HOUR)
    triggers.look_all(at=NOW)
    did(anna, "added", at=NOW + HOUR)
    Campaign.objects.update(status="paused")
    assert triggers.look_all(at=NOW + 2 * HOUR) == 0
    Campaign.objects.update(status="running")
    assert triggers.look_all(at=NOW + 2 * HOUR) == 1  # a pause loses nobody
    did(berta, "added", at=NOW + 2 * HOUR)
    assert triggers.look_all(at=NOW + 4 * HOUR) == 0
    assert row.entries.count() == 1


def test_a_pause_in_the_middle_of_a_look_loses_nobody(journey: Make) -> None:
    (anna,) = people(1)
    row = journey(called({"event": "added"}))
    did(anna, "added", at=NOW)
    Campaign.objects.update(status="paused")  # after the look began
    assert triggers.look(row, at=NOW + HOUR) == 0
    Campaign.objects.update(status="running")
    assert triggers.look(row, at=NOW + HOUR) == 1


def test_another_kind_of_entry_looks_from_the_start_of_its_own_rows(journey: Make) -> None:
    (anna,) = people(1)
    row = journey(called({"event": "added"}))
    did(anna, "viewed", at=NOW)
    triggers.look(row, at=NOW + HOUR)
    assert Trigger.objects.get().cursor > 0
    journeys.publish(row, called({"back_in_stock": {}}), by="tests")
    assert not Trigger.objects.exists()


def test_looking_reads_new_rows_only_and_costs_the_same_for_many_as_for_few(journey: Make) -> None:
    ids = people(40)
    row = journey(called(UNLESS_ORDERED, reentry="always"))
    triggers.look(row, at=NOW)
    counts = []
    for n, (start, end) in enumerate(((0, 5), (5, 40))):
        for pk in ids[start:end]:
            did(pk, "added", at=NOW + n * DAY)
        with CaptureQueriesContext(connection) as queries:
            assert triggers.look(row, at=NOW + n * DAY + 4 * HOUR) == end - start
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 25, counts
    with CaptureQueriesContext(connection) as queries:
        assert triggers.look(row, at=NOW + 2 * DAY) == 0
    assert len(queries) <= 8
