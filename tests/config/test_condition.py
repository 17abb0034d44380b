"""The Health page: what it says of each part, what to do, and who may read it."""

from collections import namedtuple
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Delivery
from config import condition
from config.condition import Part
from customers import installation
from customers.models import Installation
from customers.tasks import keep_journal
from tests import desk
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"


def login(role: str) -> Client:
    user = User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("role", ["Viewer", "Marketer", "Approver", "Privacy officer", "Administrator"])
def test_s5_health_is_the_administrator_s(role: str) -> None:
    client, is_admin = login(role), role == "Administrator"
    assert client.get(reverse("admin:health")).status_code == (200 if is_admin else 403)
    assert (reverse("admin:health") in client.get(reverse("admin:index")).content.decode()) is is_admin


def test_every_part_says_how_it_is_and_the_worst_stands_first(settings) -> None:
    installation.look(at=timezone.now())
    installation.hold("older", at=timezone.now())
    answer = login("Administrator").get(reverse("admin:health"))
    parts = answer.context["parts"]
    assert len(parts) == len(condition.ALL)
    assert [part.name for part in parts[:2]] == ["Sending", "Worker and scheduler"]
    assert [part.state for part in parts[:2]] == ["harm", "attention"]
    assert all(part.told for part in parts)
    assert all(part.todo for part in parts if part.state != "good")
    said = answer.content.decode()
    assert "2 parts need a look." in said
    assert "What to do:" in said


def test_a_worker_that_comes_by_is_seen_and_one_that_is_gone_is_missed() -> None:
    assert condition.worker(NOW).told == "No worker has been seen yet: nothing is planned or sent."
    keep_journal()
    seen = Installation.objects.get().worker_seen_at
    assert seen is not None
    assert condition.worker(seen + timedelta(minutes=4)).state == "good"
    gone = condition.worker(seen + timedelta(minutes=6))
    assert gone.state == "harm"
    assert "manage.py serve" in gone.todo


def test_home_tells_the_administrator_of_a_missing_worker_and_nobody_else() -> None:
    keep_journal()
    Installation.objects.update(worker_seen_at=timezone.now() - timedelta(hours=1))
    said = login("Administrator").get(reverse("admin:index")).content.decode()
    assert "Worker and scheduler: Nothing is planned or sent." in said
    User.objects.all().delete()
    assert "Worker and scheduler" not in login("Marketer").get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(("free", "state"), [(50, "good"), (9, "attention"), (2, "harm")])
def test_a_full_disk_is_told_before_it_is_full(monkeypatch, free: int, state: str) -> None:
    monkeypatch.setattr(condition.shutil, "disk_usage", lambda _where: Usage(100, 100 - free, free))
    part = condition.disk(NOW)
    assert part.state == state
    assert bool(part.todo) is (state != "good")


def test_messages_that_should_have_left_are_told_while_their_campaign_runs() -> None:
    row = desk.shop()
    waits = Delivery.objects.filter(status="planned")
    now = timezone.now()
    waits.update(not_before=now - timedelta(minutes=31))
    n = waits.count()
    assert n > 0
    assert condition.due(now).told == f"{n} should have left more than half an hour ago."
    row.__class__.objects.update(status="paused")
    assert condition.due(now).state == "good"


def test_without_a_database_the_page_still_answers(monkeypatch) -> None:
    def gone() -> None:
        raise DatabaseError

    monkeypatch.setattr(connection, "cursor", gone)
    told = condition.parts(NOW)
    assert Part("Database", "harm", "It does not answer.", "Start it, or mend DATABASE_URL.") in told
    assert len(told) == 2


def test_machines_and_people_ask_the_same(client: Client, monkeypatch) -> None:
    assert client.get("/health/ready").json() == {"status": "ok", "failing": []}
    monkeypatch.setattr(condition, "index_keys_are_known", lambda: False)
    assert client.get("/health/ready").json() == {"status": "failing", "failing": ["index keys"]}
    assert condition.database(NOW).state == "harm"


def test_looking_at_health_changes_nothing() -> None:
    desk.shop()
    before = list(Installation.objects.values()), list(Delivery.objects.order_by("pk").values())
    login("Administrator").get(reverse("admin:health"))
    assert (list(Installation.objects.values()), list(Delivery.objects.order_by("pk").values())) == before
