"""The marketer's buttons and forms do what the API does, and say before what it will cost."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import lifecycle, planning, targeting
from campaigns.models import Campaign, Decision, Delivery, Message, Offer, Outcome, Segment, UpliftStudy
from customers.models import Event
from tests import desk


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def step(row: Campaign, name: str) -> str:
    return reverse("admin:campaigns_campaign_step", args=[row.pk, name])


def counted(row: Campaign, name: str) -> str:
    return f"{step(row, name)}?count=1"


def change(row: object, name: str) -> str:
    return reverse(f"admin:campaigns_{name}_change", args=[row.pk])  # type: ignore[attr-defined]


def test_a_campaign_goes_from_draft_to_archive_by_its_buttons(client):
    desk.people(9)
    row = desk.campaign(offers=[desk.offer()])
    for name, status in (
        ("approve", "approved"),
        ("launch", "running"),
        ("pause", "paused"),
        ("resume", "running"),
        ("cancel", "cancelled"),
        ("archive", "archived"),
    ):
        assert client.post(step(row, name)).status_code == 302
        row.refresh_from_db()
        assert row.status == status
    assert row.approved_by == "marta"


def test_s5_who_changed_a_part_of_it_at_the_desk_does_not_approve_it(client, settings):
    settings.APPROVAL_ABOVE = 2
    desk.people(9)
    row = desk.campaign(offers=[desk.offer()])
    segment = Segment.objects.get()
    form = {"name": "All Germans", "slug": segment.slug, "description": "", "rule": json.dumps(segment.rule)}
    assert client.post(change(segment, "segment"), form).status_code == 302
    client.post(step(row, "approve"))
    row.refresh_from_db()
    assert (row.status, row.approved_by) == ("draft", "")
    anton = Client()
    anton.force_login(User.objects.create_superuser("anton", password=desk.PASSWORD))
    anton.post(step(row, "approve"))
    row.refresh_from_db()
    assert (row.status, row.approved_by) == ("approved", "anton")
    # A step is no change: who called it back may approve it.
    anton.post(step(row, "revise"))
    anton.post(step(row, "approve"))
    row.refresh_from_db()
    assert row.status == "approved"


def test_s5_one_approves_what_the_page_showed(client):
    desk.people(9)
    row = desk.campaign(offers=[])
    page = client.get(change(row, "campaign")).content.decode()
    (seen,) = re.findall(r'name="seen" value="(\w{64})"', page)
    Message.objects.update(subject="Another")
    client.post(step(row, "approve"), {"seen": seen})
    row.refresh_from_db()
    assert row.status == "draft"
    (seen,) = re.findall(
        r'name="seen" value="(\w{64})"', client.get(change(row, "campaign")).content.decode()
    )
    client.post(step(row, "approve"), {"seen": seen})
    row.refresh_from_db()
    assert row.status == "approved"


def test_launching_first_names_exactly_how_many_are_reached(client):
    desk.people(63)  # a third of them allow nothing
    row = desk.campaign(offers=[])
    client.post(step(row, "approve"))
    asked = client.get(counted(row, "launch"))
    told = asked.content.decode()
    assert "42 people can be reached now." in told
    assert "Launch to 42 people" in told
    assert asked.context["audiences"][0]["bars"][0].n == 63
    row.refresh_from_db()
    assert row.status == "approved", "looking changes nothing"


def test_whoever_stands_in_two_audiences_is_reached_once(client):
    desk.people(63)  # twenty-one of them allow nothing
    row = desk.campaign(offers=[])
    everyone = Segment.objects.create(
        name="Everyone", slug="everyone", rule={"attribute": "id", "exists": True}
    )
    row.audiences.create(segment=everyone, position=2)
    client.post(step(row, "approve"))
    told = client.get(counted(row, "launch")).content.decode()
    assert "Launch to 42 people" in told


@pytest.mark.parametrize("name", list(lifecycle.STEPS))
def test_a_step_s_page_stands_before_anybody_is_counted(client, name, django_assert_max_num_queries):
    desk.people(30)
    row = desk.campaign(offers=[])
    Campaign.objects.filter(pk=row.pk).update(status=lifecycle.STEPS[name].allowed_from[0])
    client.get(step(row, name))
    with django_assert_max_num_queries(30) as asked:
        told = client.get(step(row, name)).content.decode()
    assert not [one["sql"] for one in asked.captured_queries if "customers_customer" in one["sql"]]
    asks_apart = 'hx-get="?count=1&amp;back=change" hx-trigger="load"' in told
    assert asks_apart is (name != "archive")
    # A launch is offered with its number only.
    assert ("Launch to" in told, "desk-button is-" in told) == (False, name != "launch")
    assert "Counting exactly" not in client.get(counted(row, name)).content.decode()
    assert (
        'hx-get="?count=1&amp;back=path"' in client.get(f"{step(row, 'cancel')}?back=path").content.decode()
    )


def test_n1_of_an_audience_of_a_few_only_that_they_are_few_is_told(client):
    desk.people(9)
    row = desk.campaign(offers=[])
    client.post(step(row, "approve"))
    asked = client.get(counted(row, "launch"))
    told = asked.content.decode()
    assert "Launch to fewer than 20 people" in told
    assert [bar.n for audience in asked.context["audiences"] for bar in audience["bars"] if bar.n] == []


def test_cancelling_names_what_is_lost_and_what_has_left(client):
    desk.people(12)
    row = desk.launched(desk.campaign(offers=[], control=0))
    told = client.get(step(row, "cancel")).content.decode()
    # Of fewer than 20 only that: who sent them may be counted in the list of deliveries.
    assert "Fewer than 20 planned messages will never be sent; fewer than 20 have been sent" in told


def test_a_step_out_of_turn_is_refused_and_changes_nothing(client):
    row = desk.campaign(offers=[])
    asked = client.get(step(row, "pause")).content.decode()
    assert "The campaign is “draft”; this needs it to be one of: running." in asked
    assert "is-primary" not in asked  # no button that could only be refused
    answer = client.post(step(row, "pause"), follow=True)
    assert "this needs it to be one of" in answer.content.decode()
    row.refresh_from_db()
    assert row.status == "draft"
    assert client.post(step(row, "explode")).status_code == 404


def test_an_incomplete_campaign_says_what_to_mend_and_offers_no_approval(client):
    row = Campaign.objects.create(slug="empty", name="Empty")
    told = client.get(change(row, "campaign")).content.decode()
    assert "It has no audience" in told
    assert step(row, "approve") not in told
    client.post(step(row, "approve"))
    row.refresh_from_db()
    assert row.status == "draft"


def test_a_running_campaign_is_not_edited(client):
    desk.people(6)
    row = desk.launched(desk.campaign(offers=[]))
    assert client.post(change(row, "campaign"), {"name": "Other"}).status_code == 403


def test_what_a_pause_lets_change_is_little(client):
    desk.people(6)
    row = desk.launched(desk.campaign(offers=[]))
    client.post(step(row, "pause"))
    fields = client.get(change(row, "campaign")).context["adminform"].form.fields
    assert set(fields) == {
        *("name", "message", "ends_at", "priority", "tags"),
        *("stop_at_complaints", "stop_at_errors"),
    }


def test_a_viewer_sees_a_campaign_and_takes_no_step(db):
    vera = User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    vera.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    client = Client()
    client.force_login(vera)
    row = desk.campaign(offers=[])
    assert client.get(change(row, "campaign")).status_code == 200
    assert client.post(step(row, "approve")).status_code == 403
    row.refresh_from_db()
    assert row.status == "draft"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_report_opens_before_and_after_a_run(client, language):
    client.cookies["django_language"] = language
    row = desk.campaign(offers=[])
    address = reverse("admin:campaigns_campaign_report", args=[row.pk])
    assert client.get(address).status_code == 200
    desk.shop(30)
    row = Campaign.objects.exclude(pk=row.pk).get()
    answer = client.get(reverse("admin:campaigns_campaign_report", args=[row.pk]))
    assert answer.status_code == 200
    bars = answer.context["bars"]
    assert next(bar.n for bar in bars if bar.kind == "whole") == 30
    for bar in bars:
        if bar.link:
            assert client.get(bar.link).status_code == 200
    for link in answer.context["lists"].values():
        assert client.get(link).status_code == 200


# --- segments ------------------------------------------------------------------------------------------------


def segment_form(rule: object, slug: str = "loyal") -> dict[str, str]:
    return {"name": "Loyal", "slug": slug, "description": "", "rule": json.dumps(rule)}


def test_a_rule_is_checked_when_it_is_saved(client):
    add = reverse("admin:campaigns_segment_add")
    refused = client.post(add, segment_form({"country": "DE"}))
    assert refused.status_code == 200
    assert "no known condition" in str(refused.context["adminform"].form.errors["rule"])
    assert not Segment.objects.exists()
    assert client.post(add, segment_form({"attribute": "country", "is": "DE"})).status_code == 302
    assert Segment.objects.get().rule == {"attribute": "country", "is": "DE"}


def test_a_segment_may_not_stand_in_itself(client):
    Segment.objects.create(slug="loyal", name="Loyal", rule={"attribute": "country", "is": "DE"})
    row = Segment.objects.get()
    refused = client.post(change(row, "segment"), segment_form({"segment": "loyal"}))
    assert "stands in itself" in str(refused.context["adminform"].form.errors["rule"])


def test_a_rule_is_counted_while_it_is_written(client):
    desk.people(9)
    count = reverse("admin:campaigns_segment_count")
    told = client.post(count, {"rule": '{"attribute": "country", "is": "DE"}'}).content.decode()
    assert "fewer than 20 people match now; fewer than 20 of them can be reached by e-mail." in told
    assert "not JSON" in client.post(count, {"rule": "{"}).content.decode()
    assert "no known condition" in client.post(count, {"rule": '{"x": 1}'}).content.decode()
    assert client.get(count).status_code == 405


# --- messages and offers ---------------------------------------------------------------------------------------


def message_form(**fields: str) -> dict[str, str]:
    return {
        "name": "Hello", "slug": "hello", "subject": "Hi", "body": "<p>Hi</p>", "text": "",
        "format": "html", "product_count": "4", **fields,
    }  # fmt: skip


def test_a_message_that_would_fail_for_someone_is_refused_at_its_field(client):
    add = reverse("admin:campaigns_message_add")
    refused = client.post(add, message_form(subject="Hi {{ customer.name"))
    assert "subject" in refused.context["adminform"].form.errors
    refused = client.post(add, message_form(zh_body="{% if %}"))
    assert "zh_body" in refused.context["adminform"].form.errors
    refused = client.post(add, message_form(body="a\n<script>x</script>"))
    assert "line 2" in str(refused.context["adminform"].form.errors["body"])
    assert not Message.objects.exists()
    assert client.post(add, message_form(zh_subject="你好")).status_code == 302
    assert Message.objects.get().translations == {"zh-hans": {"subject": "你好"}}


def test_a_preview_shows_a_real_person_and_keeps_nothing(client):
    desk.people(3)
    desk.offer()
    row = desk.campaign(offers=[]).message
    assert row is not None
    address = reverse("admin:campaigns_message_preview", args=[row.pk])
    shown = client.get(address, {"customer": "p001"})
    told = shown.content.decode()
    assert "<iframe" in told
    assert "sandbox srcdoc=" in told
    assert "P001" in shown.context["finished"].subject
    assert "https:" in shown["Content-Security-Policy"]
    assert "'unsafe-inline'" not in shown["Content-Security-Policy"].split("script-src")[1].split(";")[0]
    assert (
        client.get(address, {"customer": "p001@mail.example"}).context["finished"].address
        == "p001@mail.example"
    )
    assert client.get(address, {"customer": "nobody"}).context["finished"] is None
    assert not Delivery.objects.exists()
    assert Offer.objects.get().given == 0
    assert not Event.objects.exists()


def test_an_offer_is_approved_and_archived_by_its_buttons(client):
    row = desk.offer(status=Offer.Status.DRAFT)
    for name, status in (("approve", "approved"), ("archive", "archived")):
        address = reverse(f"admin:campaigns_offer_{name}", args=[row.pk])
        assert address in client.get(change(row, "offer")).content.decode()
        assert client.get(address).status_code == 200
        client.post(address)
        row.refresh_from_db()
        assert row.status == status
        assert address not in client.get(change(row, "offer")).content.decode(), "done is done"


def test_the_customers_page_shows_what_was_decided_and_sent(client):
    desk.shop()
    delivery = Delivery.objects.select_related("customer").first()
    assert delivery is not None
    told = client.get(
        reverse("admin:customers_customer_change", args=[delivery.customer_id])
    ).content.decode()
    assert f"{delivery.customer.external_id}@mail.example" in told
    for title in (
        "What this person allows",
        "Interests",
        "Timeline",
        "What would they get now?",
    ):
        assert title in told
    message = reverse("admin:customers_customer_message", args=[delivery.customer_id])
    assert f"{message}?delivery={delivery.pk}" in told
    assert reverse("admin:campaigns_decision_change", args=[delivery.decision_id]) in told


def test_r4_a_late_run_is_let_go_by_its_button(client):
    row = desk.campaign(offers=[desk.offer()])
    desk.people(6)
    now = timezone.now()
    lifecycle.take(row, "approve", by="marta", at=now)
    lifecycle.take(row, "launch", by="marta", at=now)
    run = row.runs.get()
    address = reverse("admin:campaigns_campaignrun_send_late", args=[run.pk])
    assert "does not wait" in client.get(address, follow=True).content.decode()
    row.runs.update(due_at=now - timedelta(hours=3))
    assert "more than two hours late" in client.get(reverse("admin:index")).content.decode()
    told = client.get(change(row, "campaign")).content.decode()
    assert "waits for you: so late, it is not sent by itself." in told
    assert address in told
    assert address in client.get(change(run, "campaignrun")).content.decode()
    assert "Send it now" in client.get(address).content.decode()
    assert planning.plan_due(at=timezone.now()) == 0
    assert "It is due now" in client.post(address, follow=True).content.decode()
    assert address not in client.get(change(run, "campaignrun")).content.decode(), "it is not late any more"
    assert planning.plan_due(at=timezone.now()) > 0


def test_before_a_launch_a_page_says_how_small_an_effect_would_be_found(client):
    desk.shop(45)
    Outcome.objects.all().delete()
    Event.objects.filter(
        customer_id__in=list(Event.objects.values_list("customer_id", flat=True)[::2])
    ).delete()
    row = desk.campaign(offers=[], control=20)
    page = reverse("admin:campaigns_campaign_size", args=[row.pk]) + "?count=1"
    with CaptureQueriesContext(connection) as asked:
        at_once = client.get(page.removesuffix("?count=1") + '?effect=1"').content.decode()
    assert not [one["sql"] for one in asked.captured_queries if "customers_customer" in one["sql"]]
    assert 'hx-get="?count=1&amp;effect=1%22" hx-trigger="load"' in at_once
    answer = client.get(page)
    assert (answer.context["people"], answer.context["buyers"]) == ("30", "15")
    assert "an effect of" in answer.context["lead"] and "EUR per person or more" in answer.context["lead"]
    assert answer.context["rows"][0][1]["share"] == "20.0%"
    fewer = client.get(page, {"count": 1, "effect": "5"}).context["rows"][0][1]["people"]
    more = client.get(page, {"count": 1, "effect": "1,00"}).context["rows"][0][1]["people"]
    assert int(fewer.replace(",", "")) < int(more.replace(",", ""))
    for nonsense in ("x", "-1", "nan", "0"):
        assert client.get(page, {"count": 1, "effect": nonsense}).context["invalid"]
    with_words = client.get(counted(row, "launch")).content.decode()
    assert "It would show an effect of" in with_words
    alone = desk.campaign(offers=[], name="Alone", control=0)
    assert (
        "Nobody is held out"
        in client.get(reverse("admin:campaigns_campaign_size", args=[alone.pk]) + "?count=1").context["lead"]
    )


def test_a_study_of_whom_a_campaign_changes_is_asked_for_and_told(client):
    row = desk.shop()
    page = reverse("admin:campaigns_campaign_uplift", args=[row.pk])
    UpliftStudy.objects.all().delete()
    assert "Nobody has asked yet" in client.get(page).context["lead"]
    assert client.post(page).status_code == 302
    assert "is being worked out" in client.get(page).context["lead"]
    client.post(page)
    study = UpliftStudy.objects.get()  # asked twice, it waits once
    targeting.study_due(at=timezone.now())
    assert "It cannot be told: each of its two groups needs 100 people" in client.get(page).context["lead"]
    worth = {"value": 1.0, "low": 0.5, "high": 1.5}
    names = ("target", "all", "none", "over_all", "over_none")
    figures = {"recommendation": dict.fromkeys(names, worth), "curve": [[0, 0], [1, 2]], "leave_in_peace": 27}
    figures |= {"qini": 0.4, "qini_low": 0.1, "qini_high": 0.7}
    UpliftStudy.objects.filter(pk=study.pk).update(
        state="done", advice="target", is_sure=True, figures=figures
    )
    words = client.get(page).content.decode()
    assert "about 30 people are surely better left in peace" in words
    assert f"{{&quot;uplift&quot;: &quot;{row.slug}&quot;" in words


def test_decisions_are_listed_newest_first_by_an_index_and_of_one_campaign_too(client):
    row = desk.shop(30)
    now = timezone.now()
    for n, one in enumerate(Decision.objects.order_by("pk")):
        Decision.objects.filter(pk=one.pk).update(decided_at=now - timedelta(minutes=n * 7 % 30))
    page = reverse("admin:campaigns_decision_changelist")
    newest = list(Decision.objects.order_by("-decided_at", "-pk"))
    assert len(newest) == 20
    for query in ("", f"?campaign__id__exact={row.pk}"):
        assert list(client.get(page + query).context["cl"].result_list) == newest
    # Put in order by both; else those of one moment, a whole run's, are sorted at each look.
    if connection.vendor == "postgresql":  # twenty rows it reads as they lie
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    plain = Decision.objects.order_by("-decided_at", "-pk")[:50]
    assert "decisions_by_time" in plain.explain()
