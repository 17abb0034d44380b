"""N1 as somebody would ask a list for it: by its address, by its order, and by what would go with a row."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import DecimalField, FloatField, IntegerField, JSONField
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign, CapCount, Code, Offer, Segment
from customers.models import ContactChoice, Customer, Topic
from recommender.models import ModelVersion
from tests import desk
from tests.config import test_few

pytestmark = pytest.mark.django_db
WRITTEN = (r"(about \d+) codes are left", r"assigned (about \d+)", r"Used (about \d+)")
NUMBERS = (IntegerField, FloatField, DecimalField, JSONField)


@pytest.fixture
def client() -> Client:
    return test_few.reader(sees_people=False)


def numbers() -> list[tuple[Any, str]]:
    """Every column of numbers of every list of the desk that no filter offers and no page links by."""
    found = []
    for model, page in admin.site._registry.items():
        offered = {one[0] if isinstance(one, tuple) else one for one in page.list_filter}
        found += [
            (page, column.name)
            for column in model._meta.fields
            if model._meta.app_label in test_few.ROOMS
            and isinstance(column, NUMBERS)
            and not column.primary_key
            and column.name not in offered
            and column.attname not in page.linked
        ]
    return found


def test_n1_no_list_compares_a_number_that_no_filter_offers(rf) -> None:
    """`?given__gte=12`, asked for one number after the other, would tell any of them."""
    asked = numbers()
    assert len(asked) > 60
    for page, name in asked:
        for lookup in (name, f"{name}__gte", f"{name}__in", f"{name}__contains", f"{name}__people__gte"):
            assert not page.lookup_allowed(lookup, "1", rf.get("/")), (page, lookup)


def test_n1_an_address_finds_out_no_number(client: Client) -> None:
    desk.offer(given=12)
    page = reverse("admin:campaigns_offer_changelist")
    for asked in ("given__gte=12", "given__gte=13", "given=12", "given=13"):
        assert client.get(f"{page}?{asked}").status_code == 400
    assert client.get(f"{page}?status__exact=approved").status_code == 200


@pytest.mark.parametrize("direction", ["", "-"])
def test_n1_the_order_of_a_list_tells_no_more_than_its_rows(client: Client, direction: str) -> None:
    """Of 3 and 12, both fewer than 20, and of 31 and 34, both about 30, none stands before the other by its number."""
    page, offers = admin.site._registry[Offer], [desk.offer(n, given=n) for n in (12, 3, 34, 31)]
    place = list(page.get_list_display(None)).index("told_given") + 1  # the first is the box to tick
    address = reverse("admin:campaigns_offer_changelist")
    rows = client.get(f"{address}?o={direction}{place}").context["cl"].result_list
    few, more = [offers[1].pk, offers[0].pk], [offers[3].pk, offers[2].pk]
    assert [row.pk for row in rows] == ([*more, *few] if direction else [*few, *more])


def test_n1_no_list_is_ordered_by_a_number_that_it_tells_in_tens() -> None:
    for model, name in ((ModelVersion, "told_people"), (CapCount, "told_used"), (Offer, "told_given")):
        order = getattr(getattr(admin.site._registry[model], name), "admin_order_field", None)
        assert not isinstance(order, str), (model, name)


def test_n1_whoever_deletes_a_topic_is_not_told_how_many_left_it(client: Client) -> None:
    said = []
    for count in (3, 12):
        topic = Topic.objects.create(slug=f"t{count}", title="Garden")
        for customer in desk.people(count, prefix=f"d{count}-"):
            ContactChoice.objects.create(customer=customer).left_topics.add(topic)
        said.append(
            test_few.told(client.get(reverse("admin:customers_topic_delete", args=[topic.pk])).content)
        )
    assert said[0] == said[1]
    assert "Garden" in said[0]
    client.post(
        reverse("admin:customers_topic_delete", args=[Topic.objects.get(slug="t3").pk]), {"post": "yes"}
    )
    assert list(Topic.objects.values_list("slug", flat=True)) == ["t12"]
    assert Customer.objects.count() == 15


def test_n1_codes_of_which_some_were_given_are_told_in_tens(client: Client) -> None:
    """All that came in are told exactly, so what is left of them tells how many were given."""
    said = []
    for given in (31, 34):
        CapCount.objects.all().delete()
        pool = desk.offer(given, code_kind=Offer.CodeKind.POOL, given=given)
        batch = desk.codes.generate(pool, 100, by="marta", at=desk.timezone.now())
        Code.objects.filter(pk__in=batch.codes.values_list("pk", flat=True)[:given]).update(state="assigned")
        cap = pool.caps.create(most=999, scope="total", event="redeemed")
        count = CapCount.objects.create(cap=cap, used=given)
        pages = (("offer", pool.pk), ("codebatch", batch.pk), ("capcount", count.pk))
        texts = [
            test_few.told(client.get(reverse(f"admin:campaigns_{name}_change", args=[pk])).content)
            for name, pk in pages
        ]
        found = [re.search(one, text) for one, text in zip(WRITTEN, texts, strict=True)]
        said.append([one and one[1] for one in found])
    assert said == [["about 70", "about 30", "about 30"]] * 2


def test_n1_a_campaign_for_one_person_does_not_find_out_who_else_writes_to_them(client: Client) -> None:
    """Neither by a pair in the calendar nor by that there is none; forty people who get both are still named."""
    desk.people(63)
    _mine, one = (desk.campaign(offers=[], name=name) for name in ("Mine", "Secret"))
    soon = desk.timezone.now() + timedelta(days=1)
    Campaign.objects.update(status="approved", starts_at=soon)
    meets = (
        f"{reverse('admin:campaigns_campaign_calendar_meets')}?month={desk.timezone.localtime(soon):%Y-%m}"
    )
    assert "about 40 people stand in both." in test_few.told(client.get(meets).content)
    said = []
    for found in ({"attribute": "id", "is": "p001"}, {"attribute": "id", "is": "p000"}):
        Segment.objects.filter(pk=one.audiences.get().segment_id).update(rule=found)
        said.append(test_few.told(client.get(meets).content))
    assert said[0] == said[1]
    assert "share 20 people or more" in said[0]
