"""The desk's pages of fairness and of sensitive attributes, and the page for everybody."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import fairness
from campaigns.models import Campaign, FairnessCheck, Segment
from customers import sensitive
from customers.models import Customer, SensitiveAttribute, SensitiveUse
from tests import desk
from tests.campaigns.conftest import people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def who(name: str, *permissions: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def unequal() -> Campaign:
    ids = people(60)
    Customer.objects.filter(pk__in=ids[:30]).update(country="FR", attributes={"club": "yes"})
    row = desk.campaign(offers=[desk.offer()])
    segment = Segment.objects.create(slug="club", name="Club", rule={"attribute": "club", "is": "yes"})
    row.audiences.all().delete()
    row.audiences.create(segment=segment)
    return row


def of(row: Campaign) -> str:
    return reverse("admin:campaigns_fairnesscheck_of", args=[row.pk])


def test_c15_n3_a_campaign_s_page_lists_what_it_depends_on_and_is_looked_at(client) -> None:
    row = unequal()
    empty = client.get(of(row)).content.decode()
    assert "Nobody has looked yet" in empty and "segment:club" in empty
    assert not FairnessCheck.objects.exists(), "looking at the page works nothing out"
    assert client.post(of(row), {"action": "look"}).status_code == 302
    told = client.get(of(row)).content.decode()
    assert "look at 1 difference before you approve" in told
    assert "DE: chosen" in told or "FR: chosen" in told
    assert "passes" not in told.replace("no test that anything passes", "")


def test_n3_the_approver_answers_on_the_page_and_then_approves(client) -> None:
    row = unequal()
    approve = reverse("admin:campaigns_campaign_step", args=[row.pk, "approve"])
    client.post(approve)
    row.refresh_from_db()
    assert row.status == "draft"
    check = FairnessCheck.objects.get()
    client.post(of(row), {"action": "answer", "check": check.pk, "words": "ok"})
    check.refresh_from_db()
    assert check.answered == "", "a word is no answer"
    client.post(of(row), {"action": "answer", "check": check.pk, "words": "The club exists in France only."})
    client.post(approve)
    row.refresh_from_db()
    assert row.status == "approved"
    assert "The club exists in France only." in client.get(of(row)).content.decode()


def test_c15_the_flip_is_told_and_kept_nowhere(client) -> None:
    row = unequal()
    told = client.post(of(row), {"action": "flip"}).content.decode()
    assert "stayed the same" in told and "time_zone" in told
    assert not FairnessCheck.objects.exists()


def test_who_may_not_change_campaigns_only_looks() -> None:
    row = unequal()
    viewer = who("vera", "view_fairnesscheck", "view_campaign")
    assert viewer.get(of(row)).status_code == 200
    assert viewer.post(of(row), {"action": "look"}).status_code == 403
    assert who("nora").get(of(row)).status_code == 403
    assert not FairnessCheck.objects.exists()


def test_c15_asking_and_approving_are_two_people_s_and_two_permissions() -> None:
    SensitiveAttribute.objects.create(name="age", why="protected", added_by="pia")
    attribute = SensitiveAttribute.objects.get()
    asker = who("marta", "view_sensitiveuse", "add_sensitiveuse", "view_sensitiveattribute")
    approver = who("pia", "view_sensitiveuse", "change_sensitiveuse")
    add = reverse("admin:customers_sensitiveuse_add")
    wrong = asker.post(add, {"attribute": attribute.pk, "where": "everywhere", "reason": "law"})
    assert wrong.status_code == 200 and not SensitiveUse.objects.exists()
    assert (
        asker.post(add, {"attribute": attribute.pk, "where": "segment:old", "reason": "law"}).status_code
        == 302
    )
    use = SensitiveUse.objects.get()
    assert (use.asked_by, use.reason, use.approved_by) == ("marta", "law", "")
    page = reverse("admin:customers_sensitiveuse_approve", args=[use.pk])
    until = (timezone.localtime() + timedelta(days=30)).date().isoformat()
    asker.post(page, {"until": until})
    use.refresh_from_db()
    assert use.approved_by == "", "who asks has no permission to approve"
    assert "holds until the end of" in approver.get(page).content.decode()
    assert "a year from now" in approver.post(page, {"until": "2099-01-01"}).content.decode()
    assert approver.post(page, {"until": until}).status_code == 302
    use.refresh_from_db()
    assert use.approved_by == "pia" and use.ends_at is not None
    assert approver.post(reverse("admin:customers_sensitiveuse_end", args=[use.pk])).status_code == 302
    assert sensitive.allowed({"age"}, at=timezone.now()) == set()


def test_c15_who_has_both_permissions_cannot_approve_their_own(client) -> None:
    attribute = SensitiveAttribute.objects.create(name="age", why="protected", added_by="pia")
    add = reverse("admin:customers_sensitiveuse_add")
    client.post(add, {"attribute": attribute.pk, "where": "segment:old", "reason": "law"})
    page = reverse("admin:customers_sensitiveuse_approve", args=[SensitiveUse.objects.get().pk])
    assert "You asked for it yourself" in client.get(page).content.decode()
    until = (timezone.localtime() + timedelta(days=30)).date().isoformat()
    assert "Somebody else" in client.post(page, {"until": until}).content.decode()
    assert SensitiveUse.objects.get().approved_by == ""


def test_c15_what_was_asked_is_not_deleted_with_its_attribute(client) -> None:
    attribute = SensitiveAttribute.objects.create(name="age", why="protected", added_by="pia")
    attribute.uses.create(where="segment:old", reason="law", asked_by="marta", asked_at=timezone.now())
    assert client.post(
        reverse("admin:customers_sensitiveattribute_delete", args=[attribute.pk]), {"post": "yes"}
    ).status_code in (302, 403)
    assert SensitiveAttribute.objects.exists() and SensitiveUse.objects.exists()


def test_c15_the_count_while_a_rule_is_written_says_how_to_ask(client) -> None:
    SensitiveAttribute.objects.create(name="age", why="protected", added_by="pia")
    rule = json.dumps({"attribute": "age", "gte": 60})
    told = client.post(
        reverse("admin:campaigns_segment_count"), {"rule": rule, "slug": "old"}
    ).content.decode()
    assert "sensitive attribute" in told and "segment:old" in told


@pytest.mark.parametrize(
    ("language", "words"), [("en", "How we choose offers"), ("zh-hans", 'lang="zh-hans"')]
)
def test_c15_the_public_page_lists_attributes_and_names_no_campaign(language: str, words: str) -> None:
    row = unequal()
    Campaign.objects.filter(pk=row.pk).update(status="running")
    client = Client()
    response = client.get(f"/fairness/?language={language}")
    told = response.content.decode()
    assert response.status_code == 200 and words in told and "club" in told
    assert row.name not in told and "segment:club" not in told and "Club" not in told
    assert "<script" not in told and "style=" not in told
    assert client.post("/fairness/").status_code == 405


def test_c15_the_public_page_tells_of_nothing_when_nothing_runs() -> None:
    told = Client().get("/fairness/?language=en").content.decode()
    assert "At the moment: nothing." in told
    assert fairness.published(at=timezone.now()).attributes == {}
