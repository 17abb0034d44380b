"""What a page worked out of everyone is not worked out again by the press that follows it."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import fairness, just_looked, lifecycle
from campaigns.models import Campaign, FairnessCheck, Segment
from customers.models import Customer
from tests import desk


@pytest.fixture
def row(db: None, settings) -> Campaign:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    cache.clear()
    desk.people(60)
    return desk.campaign(offers=[desk.offer()])


@pytest.fixture
def client(row: Campaign) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def part(row: Campaign, name: str) -> str:
    return reverse("admin:campaigns_campaign_check_part", args=[row.pk, name])


def approved(row: Campaign) -> int | None:
    lifecycle.take(row, "approve", by="anton", at=timezone.now())
    return row.approved_people


def test_an_approval_is_of_as_many_people_as_were_shown(client: Client, row: Campaign) -> None:
    client.get(part(row, "reach"))
    desk.people(30, prefix="new")
    assert approved(row) == 40


def test_what_nobody_has_shown_is_counted(row: Campaign) -> None:
    desk.people(30, prefix="new")
    assert approved(row) == 60


def test_what_was_changed_or_shown_long_ago_is_counted_anew(
    client: Client, row: Campaign, monkeypatch
) -> None:
    client.get(part(row, "reach"))
    desk.people(30, prefix="new")
    Campaign.objects.filter(pk=row.pk).update(control_percent=20)
    assert approved(row) == 60
    lifecycle.take(row, "revise", by="anton", at=timezone.now())
    monkeypatch.setattr(just_looked, "HOLDS_S", 0)
    client.get(part(row, "reach"))
    desk.people(30, prefix="newer")
    assert approved(row) == 80


def test_a_launch_is_of_as_many_as_its_page_has_named(client: Client, row: Campaign) -> None:
    assert approved(row) == 40
    launch = reverse("admin:campaigns_campaign_step", args=[row.pk, "launch"])
    assert "40 people can be reached now" in client.get(f"{launch}?count=1").content.decode()
    desk.people(30, prefix="new")
    assert just_looked.recipients(row, at=timezone.now()) == 40


def test_the_look_that_was_shown_is_kept_with_the_approval(client: Client, row: Campaign) -> None:
    desk.people(60, prefix="fr")
    Segment.objects.update(rule={"attribute": "id", "exists": True})
    Customer.objects.filter(external_id__startswith="fr").update(country="FR")
    shown = client.get(part(row, "fairness")).context["look"]
    assert FairnessCheck.objects.count() == 0
    Customer.objects.filter(external_id__startswith="fr").update(country="IT")
    approved(row)
    kept = FairnessCheck.objects.get()
    assert kept.figures == shown.figures
    assert {one["group"] for one in kept.figures["country"]["groups"]} == {"DE", "FR"}
    assert (kept.by, kept.moment) == ("anton", "before")
    again = fairness.before(row, by="anton", at=timezone.now())
    assert {one["group"] for one in again.figures["country"]["groups"]} == {"DE", "IT"}
