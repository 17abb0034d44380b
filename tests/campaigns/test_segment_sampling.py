"""About how many, asked of some drawn by chance; the sizes of each day; what is suggested; what is ready to be made."""

import random
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import segments
from campaigns.models import Segment, SegmentSize
from campaigns.segments import ready, sampling, suggestions
from catalog.models import Category, Product
from customers.models import Customer, SensitiveAttribute, Suppression
from tests.campaigns.conftest import people
from tests.campaigns.test_segments import did, happened
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
GERMAN = {"attribute": "country", "is": "DE"}


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A shop in which not everyone is asked: the same 200 of 400, whatever their numbers; every second is German."""
    monkeypatch.setattr(sampling, "random", SimpleNamespace(Random=lambda _low: random.Random(7)))
    ids = people(400)
    Customer.objects.filter(pk__in=ids[::2]).update(country="FR")
    monkeypatch.setattr(sampling, "WHOLE", 100)
    monkeypatch.setattr(sampling.draw, "__defaults__", (200,))
    return ids


def drawn() -> sampling.Drawn:
    return sampling.draw(200)


def test_in_a_small_shop_everyone_is_asked(db: None) -> None:
    people(30)
    found = segments.estimate(GERMAN, at=NOW)
    assert (found.people, found.low, found.high, found.is_exact) == (30, 30, 30, True)


def test_in_a_shop_of_nobody_nobody_matches(db: None) -> None:
    assert segments.estimate(GERMAN, at=NOW).people == 0


def test_the_interval_holds_the_truth_in_95_of_100_draws() -> None:
    """Of 10,000 people as many as `truth` match; 1,000 draws of 400 for each, with the rounding that N1 wants."""
    chance = random.Random(1)
    for truth in (1500, 5000, 9000):
        found = [
            sampling.estimated(
                sum(n < truth for n in chance.sample(range(10_000), 400)),
                sampling.Drawn(10_000, ids=tuple(range(400))),
            )
            for _ in range(1000)
        ]
        assert sum(one.low <= truth <= one.high for one in found) >= 930, truth


def test_in_a_large_one_the_interval_holds_the_truth_and_everybody_draws_the_same(large: list[int]) -> None:
    assert drawn() == drawn()
    (found,) = segments.estimates([GERMAN], at=NOW, drawn=drawn())
    assert not found.is_exact
    assert (found.asked, found.people is None) == (200, False)
    assert found.low <= 200 <= found.high


def test_c2_who_can_be_reached_is_estimated_too_by_consent_and_suppression(large: list[int]) -> None:
    silent = people(400, allows=(), prefix="s")
    listed = Customer.objects.filter(pk__in=large[1::4]).values_list("email_index", flat=True)
    Suppression.objects.bulk_create(Suppression(address_index=index, reason="manual") for index in listed)
    found, reached = segments.estimate_reach({"attribute": "country", "is": "DE"}, at=NOW)
    everyone, _reached = segments.estimate_reach({"attribute": "id", "exists": True}, at=NOW)
    assert (everyone.people, found.is_exact) == (len(large + silent), False)
    assert found.low <= 600 <= found.high, "two hundred who allow it, and all who do not"
    assert reached.low <= 100 <= reached.high


def test_several_rules_are_estimated_together_each_person_once(large: list[int]) -> None:
    """Every second is German and every second French: together everyone, though 100 allow no partner to be told."""
    people(100, allows=("marketing_email",), prefix="p")
    french = {"attribute": "country", "is": "FR"}
    found, reached = segments.estimate_reach(GERMAN, french, GERMAN, at=NOW)
    assert (found.people, reached.people) == (500, 500)
    told, partners = segments.estimate_reach(GERMAN, french, at=NOW, channel="webhook")
    assert told == found
    assert partners.low <= 400 <= partners.high < 500


def test_n1_nobody_who_is_drawn_is_told_of_by_asking_twice(large: list[int]) -> None:
    """A rule with and without one of those drawn reads the same; of fewer than twenty of them only that they are fewer."""
    one = (drawn().ids or ())[0]
    name = Customer.objects.get(pk=one).external_id
    mine, nobodys = {"attribute": "id", "is": name}, {"attribute": "id", "is": "nobody"}
    found = segments.estimates([mine, nobodys], at=NOW, drawn=drawn())
    assert found[0] == found[1]
    assert (found[0].people, found[0].high) == (None, 60)
    everyone = {"attribute": "id", "exists": True}
    with_them, without = segments.estimates(
        [everyone, {"all": [everyone, {"not": mine}]}], at=NOW, drawn=drawn()
    )
    assert with_them == without


def test_many_rules_are_one_query_and_one_for_what_is_sensitive(db: None) -> None:
    people(3)
    sample = sampling.draw()
    with CaptureQueriesContext(connection) as asked:
        found = segments.estimates(
            [{"did": "ordered", "within_days": n} for n in range(1, 26)], at=NOW, drawn=sample
        )
    assert len(asked) == 2
    assert [one.people for one in found] == [0] * 25


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is of small shops, and asked as it is")
def test_a_question_that_takes_too_long_is_given_up_and_nothing_of_it_stays(db: None) -> None:
    with connection.cursor() as cursor:
        with pytest.raises(segments.TookTooLong), segments.large_questions(most_s=1):
            cursor.execute("SELECT pg_sleep(5)")
        with segments.large_questions(most_s=1):
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("1s",)
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('work_mem'), current_setting('jit')"
        )
        assert cursor.fetchone() == ("0", "4MB", "off")


# --- day by day --------------------------------------------------------------------------------------------------------


def test_each_segment_is_measured_once_a_day_and_kept_in_tens(db: None) -> None:
    people(33)
    people(9, allows=())
    german = Segment.objects.create(slug="g", name="G", rule=GERMAN)
    few = Segment.objects.create(slug="f", name="F", rule={"attribute": "id", "contains": "c00"})
    Segment.objects.create(slug="x", name="X", rule={"segment": "gone"})
    assert (segments.measure_due(at=NOW), segments.measure_due(at=NOW)) == (2, 0)
    assert [(row.segment, row.people, row.reachable) for row in SegmentSize.objects.order_by("pk")] == [
        (german, 30, 30),
        (few, None, None),
    ]
    assert segments.measure_due(at=NOW + timedelta(days=1)) == 2
    days = [str(row.day) for row in segments.history(german, at=NOW + timedelta(days=1))]
    assert days == ["2026-11-24", "2026-11-25"]


def test_sizes_are_kept_for_four_hundred_days(db: None) -> None:
    row = Segment.objects.create(slug="g", name="G", rule=GERMAN)
    for days in (401, 400):
        row.sizes.create(day=(NOW - timedelta(days=days)).date(), people=20, reachable=None)
    segments.measure_due(at=NOW)
    assert [str(kept.day) for kept in row.sizes.order_by("day")] == ["2025-10-20", "2026-11-24"]


# --- what is suggested -------------------------------------------------------------------------------------------------


def test_n1_attributes_and_values_of_fewer_than_twenty_are_not_suggested(db: None) -> None:
    people(40)
    for n, customer in enumerate(Customer.objects.order_by("pk")):
        customer.attributes = {"tier": "gold" if n < 20 else "silver" if n < 39 else "lead"}
        customer.attributes |= {"rare": "x"} if n < 19 else {}
        customer.save()
    assert [one.value for one in segments.suggest("value", "", attribute="tier")] == ["gold"]
    assert [one.value for one in segments.suggest("attribute", "")] == [
        "id",
        "country",
        "locale",
        "time_zone",
        "tier",
    ]
    assert [one.value for one in segments.suggest("value", "d", attribute="country")] == ["DE"]
    assert segments.suggest("value", "", attribute="id") == []


def test_c15_no_value_of_a_sensitive_attribute_is_suggested(db: None) -> None:
    people(20)
    Customer.objects.update(attributes={"religion": "none"})
    assert [one.value for one in segments.suggest("value", "", attribute="religion")] == ["none"]
    SensitiveAttribute.objects.create(name="religion", why="protected", added_by="pia")
    assert segments.suggest("value", "", attribute="religion") == []
    assert segments.suggest("attribute", "rel")[0].label.startswith("sensitive")


def test_things_are_suggested_by_name_and_by_what_stands_in_the_rule(db: None) -> None:
    garden = Category.objects.create(name="Garden", slug="garden")
    for n in range(30):
        Product.objects.create(sku=f"r-{n:02}", title=f"Rose {n}", category=garden)
    Product.objects.create(sku="hidden", title="Rose of nobody", is_listed=False)
    Segment.objects.create(slug="gold", name="Best buyers", rule=GERMAN)
    assert [(one.value, one.label) for one in segments.suggest("product", "R-07")] == [("r-07", "Rose 7")]
    assert len(segments.suggest("product", "rose")) == suggestions.MOST
    assert segments.suggest("product", "nobody") == []
    assert [one.value for one in segments.suggest("category", "gard")] == ["garden"]
    assert [one.value for one in segments.suggest("segment", "best")] == ["gold"]
    assert segments.suggest("nothing", "x") == []
    assert suggestions.SOURCES.keys() == suggestions.NEEDS.keys()


# --- ready to be made --------------------------------------------------------------------------------------------------


@pytest.fixture
def buyers(db: None) -> None:
    """240 buyers, each one order: 1 to 240 days ago, for 10 to 2,400."""
    people(240)
    Category.objects.create(name="Garden", slug="garden")
    happened(*(did(f"c{n:03}", "ordered", None, n + 1, str(10 * (n + 1)), f"o{n}") for n in range(240)))


def test_the_grid_parts_buyers_in_thirds(buyers: None) -> None:
    found = {one.slug: one for one in ready.gallery(at=NOW)}
    grid = [one for slug, one in found.items() if slug.startswith("ready-rfm-")]
    assert len(grid) == 9
    assert found["ready-rfm-earlier-middling"].rule == {
        "all": [{"recency_days": {"gt": 81, "lte": 160}}, {"monetary": {"gt": "810", "lte": "1600"}}]
    }
    counted = segments.estimates([one.rule for one in grid], at=NOW)
    assert sum(one.people or 0 for one in counted) == 240, "each buyer stands in one field"
    assert found["ready-big-spenders"].rule == {"monetary": {"gte": "2200"}}
    for one in found.values():
        segments.check(one.rule)


def test_n1_edges_are_drawn_of_sixty_buyers_at_least(db: None) -> None:
    people(59)
    happened(*(did(f"c{n:03}", "ordered", None, n + 1, str(n + 1), f"o{n}") for n in range(59)))
    assert not [one for one in ready.gallery(at=NOW) if "rfm" in one.slug or "spenders" in one.slug]


def test_one_that_is_made_already_is_not_made_twice_and_stays_as_it_is(db: None) -> None:
    row, is_new = ready.make("ready-loyal", at=NOW)
    assert is_new
    assert row.rule == {"frequency": {"gte": 3}, "within_days": 365}
    Segment.objects.filter(pk=row.pk).update(rule=GERMAN)
    again, is_new = ready.make("ready-loyal", at=NOW)
    assert (again.pk, is_new, again.rule) == (row.pk, False, GERMAN)
    with pytest.raises(ready.Unknown):
        ready.make("ready-nothing", at=NOW)
    assert Segment.objects.count() == 1


def test_a_campaign_s_path_and_the_gallery_offer_the_same(db: None) -> None:
    with CaptureQueriesContext(connection) as asked:
        offered = [(one.slug, one.told) for one in ready.habits()]
    assert len(asked) == 0
    assert offered[:3] == [
        ("known-people", "Everyone the shop knows"),
        ("ordered-lately", "Ordered in the last 90 days"),
        (
            "ready-new",
            "New customers (ordered last at most 30 days ago and has ordered exactly 1 time so far)",
        ),
    ]
    found = {one.slug: one for one in ready.gallery(at=NOW)}
    assert {slug for slug, _told in offered} <= found.keys()
    for slug, _told in offered:
        row, is_new = ready.make(slug, at=NOW)
        assert (is_new, row.name, row.rule) == (True, found[slug].name, found[slug].rule)


def test_lovers_are_of_the_biggest_categories_that_have_products(db: None) -> None:
    for name, count in (("Garden", 2), ("Kitchen", 3), ("Empty", 0)):
        category = Category.objects.create(name=name, slug=name.lower())
        for n in range(count):
            Product.objects.create(sku=f"{name}{n}", title=name, category=category)
    lovers = [one.slug for one in ready.gallery(at=NOW) if one.slug.startswith("ready-lovers")]
    assert lovers == ["ready-lovers-kitchen", "ready-lovers-garden"]
