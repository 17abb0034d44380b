"""A campaign's path at the desk: what each step writes, who may, what is refused, and what the check and calendar say."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from campaigns import agenda, checks, contents, lifecycle, prospects, schedule
from campaigns.frictions import frictions
from campaigns.messages import default_message
from campaigns.models import Campaign, Decision, Holdout, Message, Offer, QuietHours, SavedReport, Segment
from campaigns.segments import sampling
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


@pytest.fixture
def viewer(db: None) -> Iterator[Client]:
    vera = User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    vera.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    client = Client()
    client.force_login(vera)
    yield client


def page(row: Campaign, name: str = "path", *more: str) -> str:
    return reverse(f"admin:campaigns_campaign_{name}", args=[row.pk, *more])


def draft(**fields: object) -> Campaign:
    return Campaign.objects.create(slug=f"draft-{Campaign.objects.count()}", name="Spring", **fields)


def message(slug: str) -> Message:
    return Message.objects.create(slug=slug, **{**default_message(), "name": slug.title()})


def save(client: Client, row: Campaign, step: str, **fields: object) -> object:
    return client.post(page(row), {"step": step, **fields})


# --- beginning ---------------------------------------------------------------------------------------------------------


def test_a_goal_makes_a_draft_with_what_is_sensible_for_it(client):
    add = reverse("admin:campaigns_campaign_add")
    answer = client.post(add, {"goal": "stay-in-touch", "name": "春季新品"})
    row = Campaign.objects.get()
    assert answer.url == page(row)
    assert (row.slug, row.kind, row.status, row.window_days) == ("stay-in-touch", "recurring", "draft", 7)
    assert (row.recurrence, row.created_by) == ("FREQ=WEEKLY;BYDAY=TU;BYHOUR=10;BYMINUTE=0", "marta")
    client.post(add, {"goal": "welcome", "name": "Welcome"})
    client.post(add, {"goal": "welcome", "name": "Welcome"})
    journeys = Campaign.objects.filter(kind="journey").order_by("pk")
    assert [one.slug for one in journeys] == ["welcome", "welcome-2"]
    assert all(checks.problems(one, at=timezone.now()) == [] for one in journeys)


def test_a_segment_leads_to_a_new_campaign_whose_audience_begins_with_it(client, viewer):
    segment = Segment.objects.create(
        slug="regulars", name="Regulars", rule={"attribute": "country", "is": "DE"}
    )
    shown = reverse("admin:campaigns_segment_change", args=[segment.pk])
    use = reverse("admin:campaigns_segment_use", args=[segment.pk])
    assert use in client.get(shown).content.decode()
    begin = client.get(use).url
    assert "“Regulars”" in client.get(begin).content.decode()
    made = client.post(begin, {"name": "Spring", "goal": "announce"})
    row = Campaign.objects.get(name="Spring")
    assert not row.audiences.exists(), "it is saved by a press only"
    audience = client.get(made.url)
    assert audience.context["open_step"] == "audience"
    assert audience.context["form"].initial["segments"] == [str(segment.pk)]
    for nobody in ("999999", "x", "9" * 30):
        assert client.get(reverse("admin:campaigns_campaign_add"), {"segment": nobody}).status_code == 200
    viewer_of_segments = User.objects.get(username="vera")
    viewer_of_segments.user_permissions.add(Permission.objects.get(codename="view_segment"))
    assert use not in viewer.get(shown).content.decode()
    assert viewer.get(use).status_code == 403


def test_a_goal_that_nobody_chose_makes_nothing_and_says_so(client, viewer):
    add = reverse("admin:campaigns_campaign_add")
    refused = client.post(add, {"goal": "", "name": "Spring"})
    assert "Choose what you want to do." in refused.content.decode()
    assert 'value="Spring"' in refused.content.decode(), "what was typed is kept"
    assert viewer.post(add, {"goal": "announce", "name": "Spring"}).status_code == 403
    assert not Campaign.objects.exists()


# --- the steps ---------------------------------------------------------------------------------------------------------


def test_each_step_writes_the_campaign_s_own_rows_and_leads_to_the_next(client):
    row, ten = draft(), desk.offer()
    a, b = message("a"), message("b")
    assert (
        save(client, row, "audience", segments=["ready:ready-lapsed"]).url
        == f"{page(row)}?step=offers#offers"
    )
    audience = row.audiences.get()
    assert audience.segment.rule == {"recency_days": {"gt": 180}}
    assert save(client, row, "offers", **{f"offers_{audience.pk}": [ten.pk]}).url.endswith(
        "step=message#message"
    )
    assert list(audience.offers.all()) == [ten]
    save(client, row, "message", how="two", message_a=a.pk, message_b=b.pk, share_b=30)
    assert list(row.variants.values_list("key", "message", "weight")) == [("a", a.pk, 70), ("b", b.pk, 30)]
    save(client, row, "message", how="one", message_a=b.pk)
    row.refresh_from_db()
    assert (row.message, row.variants.count()) == (b, 0)
    save(client, row, "experiment", control_percent=20, window_days=7, margin_percent=35, sending_cost="0.02")
    answer = save(client, row, "schedule", when="launch", send_time="local")
    assert answer.url == f"{page(row)}?step=check#check"
    row.refresh_from_db()
    assert (row.control_percent, row.window_days, row.margin_percent) == (Decimal(20), 7, Decimal(35))
    assert (row.sending_cost, row.send_time, row.starts_at) == (Decimal("0.02"), "local", None)
    assert checks.problems(row, at=timezone.now()) == []


def test_it_is_gone_on_with_where_it_was_left(client):
    row = draft()
    assert client.get(page(row)).context["open_step"] == "audience"
    save(client, row, "audience", segments=["ready:known-people"])
    assert client.get(page(row)).context["open_step"] == "offers"
    save(client, row, "offers")
    assert client.get(page(row)).context["open_step"] == "message"
    save(client, row, "message", how="one", message_a=message("a").pk)
    save(client, row, "experiment", control_percent=10, window_days=14, margin_percent=40, sending_cost=0)
    assert client.get(page(row)).context["open_step"] == "schedule"
    save(client, row, "schedule", when="launch", send_time="at_once")
    assert client.get(page(row)).context["open_step"] == "check"


def test_a_fault_stands_at_its_field_keeps_what_was_typed_and_changes_nothing(client):
    row, a = draft(), message("a")
    for step, fields, told in (
        ("audience", {}, "Choose at least one segment"),
        ("message", {"how": "one"}, "Choose a message, or write a new one."),
        ("message", {"how": "two", "message_a": a.pk, "message_b": a.pk}, "That is the same message"),
        ("experiment", {"control_percent": 95, "window_days": 14}, "less than or equal to 90"),
        ("schedule", {"when": "at", "send_time": "local"}, "Say on which day and at what hour."),
        (
            "schedule",
            {"when": "at", "starts_at": "2020-01-01T10:00", "send_time": "local"},
            "That has passed",
        ),
    ):
        refused = save(client, row, step, **fields)
        assert told in refused.content.decode(), step
        assert refused.context["open_step"] == step
    assert 'value="2020-01-01T10:00"' in refused.content.decode()
    before = Campaign.objects.values().get()
    row.refresh_from_db()
    assert (row.message, row.starts_at, row.send_time) == (None, None, "at_once")
    assert row.control_percent == Decimal(10)
    assert before["updated_at"] == row.updated_at
    assert not row.audiences.exists()


def test_a_rule_of_recurrence_is_chosen_and_never_written(client):
    row = draft(kind="recurring", recurrence="FREQ=WEEKLY;BYDAY=TU;BYHOUR=10;BYMINUTE=0")
    form = client.get(page(row) + "?step=schedule").context["form"]
    assert (form["frequency"].value(), form["weekdays"].value()) == ("WEEKLY", ["TU"])
    fields = {"when": "launch", "send_time": "at_once", "hour": "09:30"}
    refused = save(client, row, "schedule", frequency="WEEKLY", **fields)
    assert "Choose at least one day." in refused.content.decode()
    save(client, row, "schedule", frequency="WEEKLY", weekdays=["MO", "TH"], **fields)
    row.refresh_from_db()
    assert row.recurrence == "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9;BYMINUTE=30"
    save(client, row, "schedule", frequency="MONTHLY", day=3, **fields)
    row.refresh_from_db()
    assert row.recurrence == "FREQ=MONTHLY;BYMONTHDAY=3;BYHOUR=9;BYMINUTE=30"
    # A rarer rule is told in words and stays as it is.
    Campaign.objects.update(recurrence="FREQ=MONTHLY;BYDAY=2TU;BYHOUR=9;BYMINUTE=0")
    told = client.get(page(row) + "?step=schedule").content.decode()
    assert "On the second Tuesday of every month at 9:00" in told
    save(client, row, "schedule", when="launch", send_time="local")
    row.refresh_from_db()
    assert row.recurrence == "FREQ=MONTHLY;BYDAY=2TU;BYHOUR=9;BYMINUTE=0"


def test_what_is_made_on_the_way_leads_back_and_is_saved_by_a_press_only(client):
    row, a = draft(), message("a")
    made = save(client, row, "message", how="two", message_a=a.pk, make="1")
    assert made.url.startswith(reverse("admin:campaigns_message_add"))
    begin = client.get(
        made.url
    ).content.decode()  # what to begin with is asked first, and leads on with all that was told
    assert escape(made.url.partition("?")[2]) in begin
    source = f"{made.url}&layout=source"
    form = client.get(source).context["adminform"].form
    assert (form.initial["name"], form.initial["slug"]) == ("Spring", row.slug)
    fields = {"name": "B", "slug": "b", "subject": "Hi", "body": "<p>Hi</p>", "format": "html"}
    back = client.post(source, {**fields, "product_count": 4})
    b = Message.objects.get(slug="b")
    assert back.url == f"{page(row)}?step=message&made={a.pk}&how=two&made={b.pk}"
    form = client.get(back.url).context["form"]
    values = [form[name].value() for name in ("how", "message_a", "message_b")]
    assert values == ["two", a.pk, b.pk]
    row.refresh_from_db()
    assert row.message is None
    # Only to the desk's own pages.
    add = reverse("admin:campaigns_message_add") + "?layout=source&back=//elsewhere.example/"
    away = client.post(add, {**fields, "slug": "c", "product_count": 4})
    assert away.url == reverse("admin:campaigns_message_changelist")


def test_an_offer_is_approved_on_the_path_by_whoever_may(client, viewer):
    row = desk.campaign(offers=[desk.offer(status="draft")])
    offer = Offer.objects.get()
    audience = row.audiences.get()
    answer = save(client, row, "offers", **{f"offers_{audience.pk}": [offer.pk]})
    assert answer.url.endswith("step=offers#offers"), "it waits where it is approved"
    approve = page(row, "offer", str(offer.pk))
    assert client.get(approve).status_code == 403
    assert viewer.post(approve).status_code == 403
    offer.refresh_from_db()
    assert offer.status == "draft"
    assert client.post(approve).url.endswith("step=message#message")
    offer.refresh_from_db()
    assert offer.status == "approved"
    stranger = desk.offer(7, status="draft")
    assert client.post(page(row, "offer", str(stranger.pk))).status_code == 404


def test_s5_who_changed_a_step_is_a_hand_and_who_looked_through_is_none(client):
    row = desk.campaign(offers=[])
    usual = {"control_percent": 10, "window_days": 14, "margin_percent": 40, "sending_cost": "0.01"}
    save(client, row, "experiment", **usual)
    assert "marta" not in contents.hands(row)
    save(client, row, "experiment", **{**usual, "control_percent": 15})
    assert "marta" in contents.hands(row)
    newest = LogEntry.objects.latest("pk")
    assert json.loads(newest.change_message)[0]["changed"]["fields"] == ["control_percent"]


def test_only_a_draft_is_changed_and_only_by_whoever_may(client, viewer):
    row = desk.campaign(offers=[])
    assert viewer.get(page(row)).status_code == 200
    assert viewer.get(page(row) + "?step=goal").context["form"] is None
    assert viewer.post(page(row), {"step": "goal", "name": "Other"}).status_code == 403
    lifecycle.take(row, "approve", by="anton", at=timezone.now())
    answer = client.post(page(row), {"step": "goal", "name": "Other"}, follow=True)
    assert "nothing was changed" in answer.content.decode()
    row.refresh_from_db()
    assert row.name == "Spring in the garden"
    for name in ("path", "check", "glance", "weigh", "progress"):
        assert Client().get(page(row, name)).status_code == 302, "behind the login"


def test_who_may_not_make_a_segment_is_offered_none_that_is_made_by_choosing_it(client):
    row = draft()
    anton = User.objects.create_user("anton", password=desk.PASSWORD, is_staff=True)
    rights = Permission.objects.filter(content_type__app_label="campaigns").exclude(codename="add_segment")
    anton.user_permissions.set(rights)
    own = Client()
    own.force_login(anton)
    Segment.objects.create(slug="vip", name="Very important", rule={"did": "ordered"})
    told = own.get(page(row) + "?step=audience").content.decode()
    assert "Very important" in told
    assert "Ready-made" not in told
    refused = own.post(page(row), {"step": "audience", "segments": ["ready:known-people"]})
    assert "Select a valid choice" in refused.content.decode()
    assert Segment.objects.count() == 1
    anton.user_permissions.remove(Permission.objects.get(codename="add_campaignsegment"))
    assert own.post(page(row), {"step": "audience", "segments": ["1"]}).status_code == 403
    assert not row.audiences.exists()


# --- the check ---------------------------------------------------------------------------------------------------------


def test_every_problem_leads_to_where_it_is_mended(client):
    row = desk.campaign(offers=[desk.offer(status="draft")])
    Message.objects.update(subject="{{ customer.name }}")
    told = client.get(page(row, "check")).context["problems"]
    links = {one["step"]: one["link"] for one in told}
    assert links["offers"] == f"{page(row)}?step=offers"
    assert links["message"].startswith(reverse("admin:campaigns_message_change", args=[row.message_id]))
    assert not Decision.objects.exists()


def test_where_its_settings_and_the_rules_of_the_house_rub_is_told_before(client):
    now = timezone.now()
    row = draft(kind="recurring", recurrence="FREQ=DAILY;BYHOUR=3;BYMINUTE=0")
    assert frictions(row, at=now)[0].words == (
        "It is due 7 times in a while in which a cap allows 3 messages: the rest is not sent."
    )
    QuietHours.objects.create(name="Nights", begins="22:00", ends="08:00")
    Holdout.objects.create(slug="q", name="Autumn", percent=5, starts_at=now)
    offer = desk.offer(max_total=50, given=20, ends_at=now + timedelta(days=9))
    segment = Segment.objects.create(slug="all", name="All", rule={"attribute": "id", "exists": True})
    row.audiences.create(segment=segment).offers.add(offer)
    told = [one.words.partition(":")[0] for one in frictions(row, at=now)]
    assert told == [
        "The offer “Ten percent 0” ends while the campaign goes on",
        "The offer “Ten percent 0” can be given 30 times more; whoever comes later goes without.",
        "The global holdout “Autumn” leaves 5 % of all people in peace; they get nothing.",
        "It is due in quiet hours",
        "It is due 7 times in a while in which a cap allows 3 messages",
    ]
    shown = client.get(page(row, "check")).content.decode()
    assert "It is due in quiet hours" in shown
    calm = draft(starts_at=(now + timedelta(days=1)).replace(hour=12))
    Holdout.objects.all().delete()
    assert frictions(calm, at=now) == []


def test_a_message_that_hides_the_campaigns_offer_is_told_before(client):
    now = timezone.now()
    row = desk.campaign(offers=[desk.offer()])
    quiet, loud = message("quiet"), message("loud")
    Message.objects.filter(pk=quiet.pk).update(
        subject="Books", body="<p>Hello {{ customer.name }}, {{ unsubscribe_url }}</p>"
    )
    Message.objects.filter(pk=loud.pk).update(
        body="<p>{% for offer in offers %}{{ offer.title }}{% endfor %}</p>"
    )
    row.variants.create(key="a", name="A", message=loud, weight=50)
    row.variants.create(key="b", name="B", message=quiet, weight=50)
    told = "The message “Quiet” does not show the offer: whoever gets it does not learn of it."
    assert [one.words for one in frictions(row, at=now) if one.step == "message"] == [told]
    row.audiences.get().offers.clear()
    assert [one.words for one in frictions(row, at=now) if one.step == "message"] == []


def test_parts_that_chinese_readers_would_get_in_the_original_are_told_before(client):
    now, row = timezone.now(), desk.campaign(offers=[])

    def told() -> list[str]:
        return [one.words for one in frictions(row, at=now) if one.step == "message"]

    whole = dict(row.message.translations["zh-hans"])
    assert told() == []
    row.message.translations = {"zh-hans": {"body": whole["body"], "preheader": row.message.preheader}}
    begun = "translated into Chinese in part: its Chinese readers get these parts in the original: "
    assert [one.partition(begun)[2] for one in told()] == ["Subject, Preview line."]
    row.message.save()
    shown = client.get(page(row, "check")).content.decode()
    assert "Subject, Preview line." in shown
    assert reverse("admin:campaigns_message_change", args=[row.message.pk]) in shown
    row.message.translations = {}
    assert told() == [], "what is written in one language goes to everybody in it"
    desk.journey(row, desk.people(1, prefix="j"))
    row.kind = Campaign.Kind.JOURNEY
    row.message.translations = {"zh-hans": {"body": whole["body"]}}
    row.message.save()
    version = row.versions.get()
    version.definition["steps"]["hello"]["message"] = row.message.slug
    version.save()
    assert [one.partition(begun)[2] for one in told()] == ["Subject, Preview line."]


def test_a_test_of_two_stays_one_while_its_first_message_is_written(client):
    row = draft()
    to = save(client, row, "message", how="two", make="1").url
    back = parse_qs(urlsplit(to).query)["back"][0]
    written = message("first")
    form = client.get(f"{back}&made={written.pk}").context["form"]
    assert (form["how"].value(), form["message_a"].value(), form["message_b"].value()) == (
        "two",
        written.pk,
        None,
    )
    plain = parse_qs(urlsplit(save(client, row, "message", how="one", make="1").url).query)["back"][0]
    assert client.get(f"{plain}&made={written.pk}").context["form"]["how"].value() == "one"


def test_the_check_tells_reach_cost_and_who_approves(client, settings):
    desk.people(63)
    row = desk.campaign(offers=[desk.offer()])
    told = client.get(page(row, "check_part", "reach")).context
    assert told["lead"] == "42 people can be reached now."
    # 42 people less a tenth, at a cent each.
    assert told["costs"][0] == "Sending: about 0.38 EUR."
    assert "too few have used it yet" in told["costs"][1]
    assert told["effects"][0].startswith("No campaign of this kind has a report that is over")
    assert told["approval"].startswith("One approval is enough")
    settings.APPROVAL_ABOVE = 20
    Campaign.objects.update(created_by="marta")
    told = client.get(page(row, "check_part", "reach")).context
    assert told["approval"].startswith("You made or changed a part of it")


def test_that_nobody_is_reached_is_told_to_whoever_may_see_people(client, viewer):
    row = desk.campaign(offers=[])
    reach = page(row, "check_part", "reach")
    assert "Nobody can be reached now: choose a wider audience" in client.get(reach).content.decode()
    told = viewer.get(reach).content.decode()
    assert "Nobody can be reached" not in told
    assert "fewer than 20 people can be reached now." in told


def test_n1_the_check_tells_whoever_sees_no_people_in_tens_and_shows_nobody(client, viewer):
    desk.people(63)
    row = desk.campaign(offers=[])
    told = viewer.get(page(row, "check_part", "reach")).context
    assert told["lead"] == "about 40 people can be reached now."
    assert told["costs"] == ["Sending: about 0.36 EUR."]
    for part in ("people", "person"):
        assert viewer.get(page(row, "check_part", part) + "?customer=1").status_code == 403
    assert "Three people" not in viewer.get(page(row, "check")).content.decode()
    shown = client.get(page(row, "check_part", "people")).context["people"]
    assert [one.external_id for one in shown] == ["p062", "p061", "p059"]
    one = client.get(page(row, "check_part", "person") + f"?customer={shown[0].pk}")
    assert "In the segment “Germans”." in one.content.decode()
    assert not Decision.objects.exists()


def test_a_control_group_is_weighed_before_it_is_saved(client, viewer):
    people = [one for n, one in enumerate(desk.people(63)) if n % 3]  # who allow it
    now = timezone.now()
    Event.objects.bulk_create(
        Event(
            customer=one, type="ordered", value=Decimal(40), currency="EUR", order_id=f"o-{one.pk}", source="shop",
            message_id=f"m-{one.pk}", basis="contract", occurred_at=now - timedelta(days=3), received_at=now,
        )
        for one in people[:21]
    )  # fmt: skip
    row = desk.campaign(offers=[])
    told = client.get(page(row, "weigh") + "?control_percent=50&margin_percent=40").context
    mine = next(one for one in told["rows"] if one["is_own"])
    # Half of 42 spent 40: σ = 20, and 2.8016 · 20 · √(2/21) = 17.29. A tenth of the 20 that each spends would earn 0.80
    # less the cent of a message, of 21 people.
    assert mine == {
        "share": "50 %", "is_own": True, "held": "21", "finds": "17.29 EUR", "gives_up": "17.00 EUR",
    }  # fmt: skip
    row.refresh_from_db()
    assert row.control_percent == Decimal(10), "looked at, not saved"
    told = client.get(page(row, "weigh") + "?control_percent=NaN&window_days=x&sending_cost=-1").context
    assert next(one["share"] for one in told["rows"] if one["is_own"]) == "10 %"
    told = viewer.get(page(row, "weigh") + "?control_percent=50").context
    assert next(one["share"] for one in told["rows"] if one["is_own"]) == "10 %"


def test_the_fairness_part_looks_and_keeps_nothing(client):
    desk.people(63)
    row = desk.campaign(offers=[])
    told = client.get(page(row, "check_part", "fairness")).content.decode()
    assert "No wire was crossed. That is no proof that it is fair." in told
    assert not row.fairness_checks.exists()


def test_campaigns_of_the_same_days_are_named_with_the_people_they_share(client, viewer):
    desk.people(63)
    row, other, far = (desk.campaign(offers=[], name=name) for name in ("Mine", "Other", "Far"))
    now = timezone.now()
    Campaign.objects.filter(pk=other.pk).update(
        status="approved", starts_at=now + timedelta(days=1), priority=5
    )
    Campaign.objects.filter(pk=far.pk).update(status="approved", starts_at=now + timedelta(days=9))
    found = agenda.shared(row, at=now)
    assert [(one.other.name, one.people, one.is_sample) for one in found] == [("Other", 42, False)]
    told = client.get(page(row, "check_part", "meets")).content.decode()
    assert "42 people stand in both." in told
    assert "The other has the higher priority" in told
    assert "about 40 people stand in both." in viewer.get(page(row, "check_part", "meets")).content.decode()


def test_of_many_people_some_are_asked_and_the_answer_is_scaled_up(client, monkeypatch):
    desk.people(60)
    row, other = desk.campaign(offers=[]), desk.campaign(offers=[])
    # Whatever is approved may be launched at any moment.
    Campaign.objects.filter(pk=other.pk).update(status="approved")
    monkeypatch.setattr(agenda, "ASKED", 20)
    (one,) = agenda.shared(row, at=timezone.now())
    # Of ten people from the first and ten from the middle on, six each allow it; thrice as many there are.
    assert (one.people, one.is_sample, one.at) == (36, True, None)
    assert "about 40 people stand in both." in client.get(page(row, "check_part", "meets")).content.decode()


def test_at_a_glance_a_large_shop_is_told_about_how_many_and_by_the_check_exactly(client, monkeypatch):
    """Of 300 two thirds may be written to; 150 numbers are drawn, whichever they are."""
    desk.people(300)
    row = desk.campaign(offers=[])
    monkeypatch.setattr(sampling, "WHOLE", 100)
    monkeypatch.setattr(sampling.draw, "__defaults__", (150,))
    told = client.get(page(row, "glance")).content.decode()
    (n,) = re.findall(r"about (\d+) people can be reached now\.", told)
    assert 140 <= int(n) <= 260
    assert "200 people can be reached now." in client.get(page(row, "check_part", "reach")).content.decode()
    Segment.objects.update(rule={"attribute": "id", "is": "p001"})
    told = client.get(page(row, "glance")).content.decode()
    assert re.search(r"Fewer than \d+ people can be reached now\.", told)


def test_the_effect_to_expect_is_pooled_from_reports_as_they_were_shown(db):
    row = draft()
    assert prospects.before(row) is None
    for n, (mean, half) in enumerate(((2.0, 0.5), (2.0, 0.5), (9.0, 0.0))):
        past = Campaign.objects.create(slug=f"past-{n}", name="Past")
        effect = {"per_person": mean, "low": mean - half, "high": mean + half}
        report = {"is_over": True, "effect": effect if half else None}
        SavedReport.objects.create(
            campaign=past, at=timezone.now(), by="ana", cells={"version": 1, "report": report}
        )
    found = prospects.before(row)
    assert found is not None
    assert (found.campaigns, found.mean) == (2, 2.0)
    # Two equal intervals of ±0.5: the mean's is a root of two narrower.
    assert (round(found.low, 4), round(found.high, 4)) == (1.6464, 2.3536)


# --- copies, calendar, progress ----------------------------------------------------------------------------------------


def test_a_copy_is_a_draft_of_the_same_and_nothing_of_its_life(client, viewer):
    desk.people(9)
    row = desk.campaign(offers=[desk.offer()])
    row.variants.create(key="a", message=message("a"), weight=70)
    row.variants.create(key="b", message=message("b"), weight=30)
    lifecycle.take(row, "approve", by="anton", at=timezone.now())
    assert viewer.post(page(row, "copy")).status_code == 403
    assert client.get(page(row, "copy")).status_code == 403
    answer = client.post(page(row, "copy"))
    twin = Campaign.objects.exclude(pk=row.pk).get()
    assert answer.url == page(twin)
    assert (twin.status, twin.created_by, twin.approved_by, twin.approved_contents) == (
        "draft",
        "marta",
        "",
        "",
    )
    assert (twin.name, twin.salt != row.salt) == ("Spring in the garden, copy", True)
    assert [list(one.offers.all()) for one in twin.audiences.all()] == [[Offer.objects.get()]]
    assert list(twin.variants.values_list("key", "weight")) == [("a", 70), ("b", 30)]
    row.refresh_from_db()
    assert row.status == "approved"


def test_the_calendar_has_runs_and_what_is_still_to_come_on_its_days(client, db):
    weekly = {"kind": "recurring", "recurrence": "FREQ=WEEKLY;BYDAY=TU;BYHOUR=10;BYMINUTE=0"}
    row = draft(**weekly, status="running", starts_at=datetime(2026, 3, 1, tzinfo=UTC))
    row.runs.create(due_at=datetime(2026, 3, 3, 10, tzinfo=UTC), state="done")
    once = draft(starts_at=datetime(2026, 3, 20, 8, tzinfo=UTC))
    gone = draft(starts_at=datetime(2026, 3, 21, 8, tzinfo=UTC), status="cancelled")
    since, until = agenda.month(2026, 3)
    assert (since, until) == (datetime(2026, 2, 23, tzinfo=UTC), datetime(2026, 4, 6, tzinfo=UTC))
    found = agenda.dues(since=since, until=until, at=datetime(2026, 3, 4, tzinfo=UTC))
    told = [(due.at.day, due.campaign.pk, due.run is not None) for due in found]
    assert told == [
        (3, row.pk, True),
        (10, row.pk, False),
        (17, row.pk, False),
        (20, once.pk, False),
        (24, row.pk, False),
        (31, row.pk, False),
    ]
    assert gone.pk not in {due.campaign.pk for due in found}
    shown = client.get(reverse("admin:campaigns_campaign_calendar") + "?month=2026-03")
    assert shown.context["title"] == "Calendar: March 2026"
    assert shown.context["before"] == "2026-02"
    assert [len(week) for week in shown.context["weeks"]] == [7] * 6
    assert client.get(reverse("admin:campaigns_campaign_calendar") + "?month=nonsense").status_code == 200


def test_an_old_rule_is_expanded_as_its_scheduler_does(db):
    """Whole periods before the month are left out: of every rule the same times are left."""
    starts = datetime(2019, 5, 1, 7, 30, tzinfo=UTC)
    since, until = datetime(2026, 3, 9, 12, tzinfo=UTC), datetime(2026, 4, 20, tzinfo=UTC)
    for rule in (
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=DAILY;BYHOUR=6,18;BYMINUTE=0",
        "FREQ=WEEKLY;INTERVAL=5;BYDAY=MO,SU;BYHOUR=9;BYMINUTE=0",
        "FREQ=WEEKLY",
        "FREQ=MONTHLY;BYDAY=-1FR",
    ):
        row = draft(kind="recurring", recurrence=rule, starts_at=starts, status="running")
        found = [due.at for due in agenda.dues(since=since, until=until, at=since) if due.campaign == row]
        wanted = schedule.upcoming(row, at=since - timedelta(seconds=1), count=200)
        assert found == [moment for moment in wanted if moment < until], rule
        assert found


def test_the_calendar_s_year_ends_and_begins(db):
    assert agenda.month(2026, 12)[1] == datetime(2027, 1, 4, tzinfo=UTC)
    assert agenda.month(2027, 1)[0] == datetime(2026, 12, 28, tzinfo=UTC)


def test_campaigns_that_meet_the_same_people_are_marked_in_the_calendar(client):
    desk.people(63)
    now = timezone.now()
    for name, days in (("One", 1), ("Two", 2)):
        row = desk.campaign(offers=[], name=name)
        Campaign.objects.filter(pk=row.pk).update(status="approved", starts_at=now + timedelta(days=days))
    day = now + timedelta(days=1)
    meets = reverse("admin:campaigns_campaign_calendar_meets") + f"?month={day:%Y-%m}"
    told = client.get(meets).content.decode()
    assert "“One” and “Two” within three days" in told
    assert "about 40 people stand in both." in told
    # On one day for one segment, the day itself says so.
    Campaign.objects.update(starts_at=day)
    twin, one = Campaign.objects.all()
    twin.audiences.update(segment=one.audiences.get().segment)
    month = reverse("admin:campaigns_campaign_calendar") + f"?month={day:%Y-%m}"
    assert "Several for “Germans”" in client.get(month).content.decode()


def test_progress_tells_in_tens_and_stops_asking_when_it_is_over(client):
    desk.people(63)
    row = desk.launched(desk.campaign(offers=[], control=0))
    told = client.get(page(row, "progress")).content.decode()
    assert "about 20 of about 40 sent" in told
    assert 'hx-trigger="every 5s"' in told
    lifecycle.take(row, "cancel", by="marta", at=timezone.now())
    assert "hx-trigger" not in client.get(page(row, "progress")).content.decode()


def test_what_runs_is_told_in_sentences_and_offers_only_what_is_possible(client):
    desk.people(30)
    row = desk.launched(desk.campaign(offers=[]))
    for asked in ("", "?step=audience", "?step=check"):
        shown = client.get(page(row) + asked)
        assert (shown.context["open_step"], shown.context["form"]) == ("launch", None)
        told = shown.content.decode()
        assert [one["name"] for one in shown.context["steps"]] == ["pause", "cancel"]
        assert "?step=" not in told.partition("path-aside")[0].partition("path-steps")[2]


def test_a_launch_can_be_called_back_until_a_moment_that_is_named(client):
    desk.people(30)
    row = desk.campaign(offers=[])
    step = reverse("admin:campaigns_campaign_step", args=[row.pk, "approve"])
    # With its place on the page, where the launch waits.
    assert client.post(step, {"back": "path"}).url == f"{page(row)}#launch"
    client.post(reverse("admin:campaigns_campaign_step", args=[row.pk, "launch"]))
    due = row.runs.get().due_at
    told = client.get(page(row)).content.decode()
    assert f"It can be called back until {due:%H:%M:%S}" in told
    assert told.count("Call back") == 1


# --- what it costs to look ---------------------------------------------------------------------------------------------

PARTS = [("check_part", part) for part in ("reach", "meets", "people", "person", "taste")]


@pytest.mark.parametrize(
    "name",
    [("path",), ("glance",), ("weigh",), ("check",), ("progress",), *PARTS],
    ids=lambda name: "-".join(name),
)
def test_no_page_asks_much_nor_more_of_many_people_than_of_few(client, settings, name):
    settings.UNFOLD = desk.short_menu()
    asked = []
    people = desk.people(30)
    row = desk.campaign(offers=[desk.offer()])
    other = desk.campaign(offers=[], name="Beside")
    Campaign.objects.filter(pk=other.pk).update(status="approved", starts_at=timezone.now())
    address = page(row, *name) + (f"?customer={people[1].pk}" if name[-1] in ("person", "taste") else "")
    for prefix in ("q", "r"):
        client.get(address)  # whatever is loaded once
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        said = [query["sql"].split()[0] for query in captured.captured_queries]
        asked.append(len([word for word in said if word not in ("SAVEPOINT", "RELEASE", "ROLLBACK")]))
        desk.people(60, prefix=prefix)
        for n in range(5):
            Segment.objects.create(slug=f"{prefix}-{n}", name="More", rule={"did": "ordered"})
    assert asked[1] <= asked[0]
    assert asked[0] <= 30, asked


def test_the_calendar_asks_no_more_of_many_campaigns_than_of_few(client, settings):
    settings.UNFOLD = desk.short_menu()
    address = reverse("admin:campaigns_campaign_calendar")
    asked = []
    for _more in range(2):
        for _n in range(5):
            draft(kind="recurring", recurrence="FREQ=DAILY;BYHOUR=10;BYMINUTE=0", status="approved")
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        asked.append(len(captured))
    assert asked[0] == asked[1] <= 15
