"""The desk's pages of caps, quiet hours, paces and what came back."""

from datetime import time

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Bounce, Delivery, DomainPace, QuietHours
from tests import desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(settings) -> Client:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    found = Client()
    found.force_login(desk.staff())
    return found


def hours(**more: object) -> dict[str, object]:
    return {"name": "Nights", "begins": "22:00", "ends": "08:00", "policy": "wait", "is_active": "on", **more}


def test_quiet_hours_are_written_with_days_to_tick(client: Client) -> None:
    url = reverse("admin:campaigns_quiethours_add")
    assert client.post(url, hours(weekdays=["4", "5"])).status_code == 302
    row = QuietHours.objects.get()
    assert (row.begins, row.ends, row.weekdays) == (time(22), time(8), [4, 5])
    page = client.get(reverse("admin:campaigns_quiethours_change", args=[row.pk])).content.decode()
    assert page.count(" checked") >= 3  # both days, and that they are in force
    assert "22:00–08:00" in client.get(reverse("admin:campaigns_quiethours_changelist")).content.decode()


@pytest.mark.parametrize("weekdays", [[], [str(day) for day in range(7)]])
def test_quiet_for_ever_is_refused(client: Client, weekdays: list[str]) -> None:
    url = reverse("admin:campaigns_quiethours_add")
    said = client.post(url, hours(begins="00:00", ends="00:00", weekdays=weekdays)).content.decode()
    assert "nobody would ever be written to" in said
    assert client.post(url, hours(weekdays=["9"])).status_code == 200
    assert not QuietHours.objects.exists()


def test_a_domain_is_kept_as_it_is_compared(client: Client) -> None:
    url = reverse("admin:campaigns_domainpace_add")
    assert client.post(url, {"domain": "Anna@Mail.Example ", "per_minute": "30"}).status_code == 302
    assert DomainPace.objects.get().domain == "mail.example"


def test_what_came_back_stands_at_its_delivery(client: Client) -> None:
    desk.shop()
    row = Bounce.objects.get()
    page = client.get(reverse("admin:campaigns_delivery_change", args=[row.delivery_id])).content.decode()
    assert "What came back" in page
    assert "bounced for good" in page
    other = Delivery.objects.exclude(pk=row.delivery_id).first()
    page = client.get(reverse("admin:campaigns_delivery_change", args=[other.pk])).content.decode()
    assert "Nobody has reported anything of this message." in page
