"""A person's timeline: everything once, the newest first, a page at a time, however much there is."""

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalog.models import Product
from customers.admin import person_lines, timeline
from customers.admin.timeline import PAGE, Cursor, Wish
from customers.models import Customer, Event
from tests import desk
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
KINDS = dict(person_lines.KINDS)


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def acts(person: Customer, product: Product, moments: list[datetime], *, kind: str = "ordered") -> None:
    n = Event.objects.count()
    Event.objects.bulk_create(
        Event(
            customer=person, type=kind, product=product, occurred_at=at, received_at=at, source="tests",
            message_id=f"{kind}-{n + i}", basis="contract" if kind in ("ordered", "refunded") else "default",
        )
        for i, at in enumerate(moments)
    )  # fmt: skip


def read(person: Customer, wish: Wish = Wish()) -> timeline.Timeline:  # noqa: B008 - frozen
    return timeline.read(person.pk, person_lines.sources(), wish, kinds=KINDS)


def walk(person: Customer) -> list[tuple[datetime, str]]:
    """The whole line, page after page."""
    found, after = [], None
    while True:
        page = read(person, Wish(after=after))
        found += [(moment.at, moment.told.link) for moment in page.moments]
        if not page.older:
            return found
        after = Cursor.read(page.older)


def test_everything_comes_once_and_newest_first_also_where_many_things_are_of_one_moment(
    boris, products
) -> None:
    rose = products["rose"]
    same = [NOW - timedelta(days=1)] * (PAGE + 5)
    acts(boris, rose, same)
    acts(boris, rose, same, kind="viewed")
    acts(boris, rose, [NOW - timedelta(days=n) for n in range(10)], kind="refunded")
    found = walk(boris)
    assert len(found) == len({link for _at, link in found}) == 2 * (PAGE + 5) + 10
    moments = [at for at, _link in found]
    assert moments == sorted(moments, reverse=True)


def test_a_page_is_one_question_however_much_somebody_did(boris, products) -> None:
    counts = []
    for n in (3, 400):
        acts(boris, products["rose"], [NOW - timedelta(minutes=k) for k in range(n)], kind="viewed")
        with CaptureQueriesContext(connection) as asked:
            page = read(boris)
        counts.append(len(asked))
    assert counts == [1, 1]
    assert len(page.moments) == PAGE


def test_kinds_and_days_narrow_it(anna, products) -> None:
    rose = products["rose"]
    acts(anna, rose, [NOW - timedelta(days=n) for n in range(5)])
    acts(anna, rose, [NOW - timedelta(days=n) for n in range(5)], kind="viewed")
    day = timezone.localtime(NOW).date()
    orders = read(anna, Wish(kinds=("orders",), since=day - timedelta(days=2), until=day - timedelta(days=1)))
    assert [timezone.localtime(one.at).date() for one in orders.moments] == [
        day - timedelta(days=1),
        day - timedelta(days=2),
    ]
    assert {one.kind for one in orders.moments} == {"orders"}
    with timezone.override("Asia/Shanghai"):
        always = Wish(kinds=("orders",), since=date.min, until=date.max)
        assert len(read(anna, always).moments) == 5
    assert {one.kind for one in read(anna, Wish(kinds=("consent",))).moments} == {"consent"}


@pytest.mark.parametrize(
    "said", ["", "never", "2026-99-99~a~1", "2026-01-01T00:00:00~a~1", "2026-01-01T00:00:00+00:00"]
)
def test_what_is_no_cursor_begins_at_the_newest(said: str) -> None:
    assert Cursor.read(said) is None


def test_a_cursor_with_a_number_that_no_row_can_have_begins_at_the_newest_too(anna, products) -> None:
    acts(anna, products["rose"], [NOW])
    forged = Cursor(NOW + timedelta(days=1), "event-ordered", "no number")
    assert read(anna, Wish(after=forged)).moments == read(anna).moments


def test_a_question_is_read_as_far_as_it_can_be() -> None:
    given = QueryDict("kind=orders&kind=nonsense&since=2026-02-03&until=yesterday&until2=x")
    assert Wish.of(given, list(KINDS)) == Wish(("orders",), date(2026, 2, 3), None, None)


def test_the_page_shows_it_links_to_what_is_older_and_keeps_what_was_chosen(client, anna, products) -> None:
    acts(anna, products["rose"], [NOW - timedelta(minutes=n) for n in range(PAGE + 3)], kind="viewed")
    page = reverse("admin:customers_customer_change", args=[anna.pk])
    told = client.get(page, {"kind": "shop"})
    assert len(told.context["timeline"].moments) == PAGE
    assert "?kind=shop&amp;after=" in told.content.decode()
    older = client.get(page, {"kind": "shop", "after": told.context["timeline"].older})
    assert len(older.context["timeline"].moments) == 3
    assert "Older" not in older.content.decode()
    with CaptureQueriesContext(connection) as asked:
        client.get(page)
    assert len(asked) <= 30


def test_what_they_allow_carries_its_receipt(client, anna, boris) -> None:
    page = client.get(reverse("admin:customers_customer_change", args=[anna.pk])).content.decode()
    receipt = reverse("admin:customers_customer_receipt", args=[anna.pk])
    record = anna.consents.get(purpose="analytics").record_id
    assert f'href="{receipt}?record={record}"' in page
    answer = client.get(receipt, {"record": record})
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["record"]["purpose"] == "analytics"
    others = client.get(reverse("admin:customers_customer_receipt", args=[boris.pk]), {"record": record})
    assert others.status_code == 302, "nobody else's answer is given out"


def test_a_person_who_does_not_allow_it_is_said_not_to_be_used(client, anna, boris) -> None:
    def told(person: Customer):
        return client.get(reverse("admin:customers_customer_change", args=[person.pk])).content.decode()

    assert "Not used for personalisation: they get what everybody sees." in told(boris)
    assert "What they do chooses products and offers for them." in told(anna)
    Customer.objects.filter(pk=anna.pk).update(restricted_at=NOW)
    assert "Restricted: everything is kept, and nothing is used." in told(anna)
