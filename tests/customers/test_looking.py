"""U2: a thousand looks at the mailed addresses, by GET, HEAD and OPTIONS, and not one byte of any table differs.

Every address by every method with every query once at least; `LOOKS=10000` (`make test-faults`) for ten times as many.
"""

import hashlib
import os
import time
from itertools import cycle, islice, product
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone

from campaigns import delivery, planning
from campaigns import links as tracked
from campaigns.models import Decision
from customers import contact, links, optin
from customers.models import ConsentRecord, Customer, Event, PendingConsent, Topic
from recommender.models import Shown
from tests.campaigns.conftest import Sink, offer, people
from tests.campaigns.conftest import campaign as campaign
from tests.campaigns.conftest import message as message
from tests.campaigns.conftest import sink as sink
from tests.conftest import NOW, person
from tests.customers.test_preferences import learnt

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.django_db]
LOOKS = int(os.environ.get("LOOKS", "1000"))
METHODS = ("get", "head", "options")
QUERIES = ("", "?language=zh-hans", "?why=1", "?action=stop", "?sure=yes", "?List-Unsubscribe=One-Click")


def digests() -> dict[str, str]:
    """Of every table, by the rows in the order of their keys."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        digest = hashlib.sha256()
        for row in model._base_manager.order_by("pk").values_list().iterator():
            digest.update(repr(row).encode())
        found[model._meta.db_table] = digest.hexdigest()
    assert set(connection.introspection.table_names()) - set(found) <= {"django_migrations"}
    return found


def mailed(who: Customer) -> dict[str, int]:
    """Every address a mail can lead to, and its share of ten thousand looks; opens and clicks are told apart below."""
    preferences = urlsplit(links.preferences_url(who)).path
    privacy = preferences.replace("/preferences/", "/privacy/")
    pending = optin.ask(who, "partner_sharing", source="form", at=timezone.now())
    question = optin.Question(pending.pk, at=timezone.now())
    record = ConsentRecord.objects.filter(customer_id=who.pk).latest("pk").pk
    return {
        urlsplit(links.unsubscribe_url(who, "marketing_email")).path: 4_500,
        f"/confirm/{question.token}/": 2_700,
        preferences: 1_080,
        privacy: 90,
        f"{privacy}download": 36,
        f"{privacy}receipts/{record}": 54,
        f"{privacy}erase": 90,
        "/preferences/nobody/": 720,
        "/confirm/nobody/": 730,
    }


def test_u2_a_thousand_looks_leave_every_table_as_it_was(campaign, sink: Sink) -> None:
    """The client of a scanner: no cookies, every query that a POST would understand, and each method."""
    people(1)
    anna = person("anna", allows=["personalization", "marketing_email", "analytics", "message_tracking"])
    learnt(anna)
    topic = Topic.objects.create(slug="garden", title="Garden")
    contact.choose(anna.pk, frequency="weekly", shown=[topic.pk])
    planning.plan(campaign(offer("ten")).runs.get(), at=NOW)
    delivery.deliver_all(clock=lambda: NOW)
    decision = Decision.objects.get(customer=anna)
    Shown.objects.create(
        recommendation_id=decision.pk, customer=anna, placement="home", basis="default", items=[], at=NOW
    )
    addresses = mailed(anna)
    assert sum(addresses.values()) == 10_000
    assert PendingConsent.objects.filter(confirmed_at=None).count() == 1
    before = digests()
    client = Client(enforce_csrf_checks=True)
    began = time.monotonic()
    looks = [
        (method, path + query)
        for path, times in addresses.items()
        for method, query in islice(
            cycle(product(METHODS, QUERIES)), max(times * LOOKS // 10_000, len(METHODS) * len(QUERIES))
        )
    ]
    assert len(looks) >= LOOKS
    for method, path in looks:
        answer = getattr(client, method)(path)
        assert answer.status_code == (404 if "nobody" in path else 200), (method, path)
        if answer.streaming:
            b"".join(answer.streaming_content)
    print(f"{len(looks)} looks in {time.monotonic() - began:.0f} s")
    assert digests() == before


def test_u2_only_a_followed_link_and_a_loaded_picture_are_noted_and_only_by_their_leave(
    campaign, sink: Sink
) -> None:
    """The exception that docs/privacy.md names: `/c/` and `/o/`, by GET, of who allows `message_tracking`."""
    anna, boris = (
        person("anna", allows=["marketing_email", "message_tracking"]),
        person("boris", allows=["marketing_email"]),
    )
    planning.plan(campaign().runs.get(), at=NOW)
    noted = {}
    for who in (anna, boris):
        decision = Decision.objects.get(customer=who)
        paths = [
            urlsplit(tracked.click_url(decision.pk, "https://shop.example/")).path,
            urlsplit(tracked.pixel_url(decision.pk)).path,
        ]
        before = digests()
        for path in paths:
            Client().head(path)
            Client().options(path)
        assert digests() == before
        for path in paths:
            Client().get(path)
        after = digests()
        noted[who.external_id] = {table for table in before if before[table] != after[table]}
    assert noted["boris"] == set()
    assert Event._meta.db_table in noted["anna"]
    assert noted["anna"] <= {"customers_event"}
