"""Results at a glance: headlines as they were shown, worked out anew in the background, and what is being tested."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import disclosure, renewals
from campaigns.models import Campaign, CampaignRun, Decision, Headline, Message, SavedReport
from campaigns.reports import headline
from customers.models import Customer
from tests import desk
from tests.campaigns.reporting import DAY, START, Built, built, paid
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
LIST = "admin:campaigns_headline_changelist"


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


@pytest.fixture
def clear(db: None) -> Built:
    """60 treated and 60 held out, 50 and 20 of whom bought for 30.00."""
    made = built(60, 60)
    paid(made.treated[:50], "30.00")
    paid(made.control[:20], "30.00")
    return made


def shown(row: Campaign) -> Headline:
    disclosure.released(row, at=NOW, by="eve")
    return Headline.objects.get(campaign=row)


def like(made: Built, slug: str, *, started=START, **fields: object) -> Campaign:
    """Another campaign to the same people in the same arms."""
    row = Campaign.objects.create(
        **{"slug": slug, "name": slug.title(), "status": "finished", "control_percent": Decimal(50), **fields}
    )
    run = CampaignRun.objects.create(campaign=row, due_at=started, planned_at=started, state="done")
    ids = dict(Customer.objects.values_list("external_id", "pk"))
    Decision.objects.bulk_create(
        Decision(
            campaign=row, run=run, customer_id=ids[name], placement="email", arm=arm, purpose="marketing_email",
            basis="default", decided_at=started,
        )
        for arm, names in (("treated", made.treated), ("control", made.control))
        for name in names
    )  # fmt: skip
    return row


def told(client: Client, name: str, query: str = "") -> str:
    answer = client.get(reverse(name) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def lines(client: Client, query: str = "") -> list[dict[str, str]]:
    text = client.get(reverse("admin:campaigns_headline_export") + query).content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def queries(client: Client, url: str) -> int:
    client.get(url)  # whatever is loaded once
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


# --- the headline ------------------------------------------------------------------------------------------------------


def test_a_report_that_is_shown_leaves_its_headline(clear: Built) -> None:
    row = shown(clear.campaign)
    assert (row.verdict, row.treated, row.control, row.at) == ("earned", 60, 60, NOW)
    assert row.per_person == pytest.approx(15.0)
    assert (row.began_at, row.ends_at) == (START, START + 14 * DAY)


def test_a_report_read_before_its_end_is_not_the_campaign_s(clear: Built) -> None:
    disclosure.released(clear.campaign, at=START + 3 * DAY, until=START + 3 * DAY, by="eve")
    assert not Headline.objects.exists()


def test_n1_the_headline_of_a_few_has_no_number(client: Client) -> None:
    made = built(15, 15)
    paid(made.treated[:12], "30.00")
    row = shown(made.campaign)
    assert (row.verdict, row.per_person, row.low, row.treated, row.control) == (
        "none",
        None,
        None,
        None,
        None,
    )
    html = told(client, LIST)
    assert "too few to show" in html
    assert "Each group needs at least 20 people." in html
    (line,) = lines(client)
    assert [line[name] for name in ("treated_people", "control_people", "effect_per_person", "profit")] == [
        ""
    ] * 4
    assert "too few to show in the campaign" in told(client, "admin:campaigns_headline_experiments")


# --- the list ----------------------------------------------------------------------------------------------------------


def test_the_list_tells_each_verdict_with_its_interval_or_why_there_is_none(client, clear: Built) -> None:
    like(clear, "autumn")
    for row in Campaign.objects.all():
        shown(row)
    shown(like(clear, "early", status="running", started=NOW - 2 * DAY))
    html = told(client, LIST)
    assert "2 earned · 1 not readable" in html
    assert "Too early to say what it caused: that takes 50 buyers in each group" in html
    assert "+15.00 (" in html
    assert 'role="img" aria-label="+15.00 (' in html
    assert "finished · e-mail" in html
    assert reverse("admin:campaigns_campaign_report", args=[clear.campaign.pk]) in html


def test_the_list_is_filtered_and_taken_along_as_it_is_shown(client, clear: Built) -> None:
    like(clear, "onsite", channel="onsite", name="=1+1")
    like(clear, "old", started=START - 200 * DAY)
    for row in Campaign.objects.all():
        shown(row)
    assert {line["campaign"] for line in lines(client)} == {"spring", "onsite", "old"}
    assert [line["campaign"] for line in lines(client, "?campaign__channel__exact=onsite")] == ["onsite"]
    assert [line["name"] for line in lines(client, "?campaign__channel__exact=onsite")] == ["'=1+1"]
    assert {line["campaign"] for line in lines(client, "?since=90")} == {"spring", "onsite"}
    assert [line["campaign"] for line in lines(client, "?q=spring")] == ["spring"]
    spring = lines(client, "?q=spring")[0]
    assert (spring["verdict"], spring["treated_people"], float(spring["effect_per_person"])) == (
        "earned",
        "60",
        15.0,
    )


def test_an_empty_list_says_what_it_is_for(client) -> None:
    assert "Here every launched campaign stands with what it caused" in told(client, LIST)


# --- worked out anew ---------------------------------------------------------------------------------------------------


def test_every_launched_campaign_gets_its_headline_in_the_background(clear: Built) -> None:
    Campaign.objects.create(slug="draft", name="Draft")
    assert renewals.work_due(clock=lambda: NOW) == 1
    assert [row.campaign.slug for row in Headline.objects.all()] == ["spring"]
    assert renewals.work_due(clock=lambda: NOW) == 0


def test_what_is_still_measured_is_worked_out_once_a_day_and_what_is_over_is_not(clear: Built) -> None:
    running = like(clear, "running", started=NOW - 2 * DAY)
    renewals.work_due(clock=lambda: NOW)
    later = NOW + timedelta(hours=25)
    assert [row.campaign for row in renewals.stale(at=later)] == [running]
    assert [row.campaign for row in Headline.objects.all() if headline.is_stale(row, at=later)] == [running]
    assert renewals.work_due(clock=lambda: later) == 1
    assert Headline.objects.get(campaign=running).at == later
    assert Headline.objects.get(campaign=clear.campaign).at == NOW


def test_one_report_that_fails_stops_no_other_and_says_so(client, clear: Built) -> None:
    broken = like(clear, "broken")
    SavedReport.objects.create(campaign=broken, at=NOW, by="eve", cells={"version": disclosure.VERSION})
    assert renewals.work_due(clock=lambda: NOW) == 1
    assert Headline.objects.get(campaign=clear.campaign).at == NOW
    row = Headline.objects.get(campaign=broken)
    assert (row.at, row.trouble) == (None, "failed")
    assert renewals.work_due(clock=lambda: NOW + timedelta(minutes=1)) == 0
    assert "could not be worked out" in told(client, LIST)


def test_a_wish_has_progress_and_can_be_let_go(client, clear: Built) -> None:
    for name in ("one", "two"):
        like(clear, name, started=NOW - 2 * DAY)
    assert renewals.ask(by="marta", at=NOW) == 3
    assert (renewals.progress(at=NOW).done, renewals.progress(at=NOW).total) == (0, 3)
    first = Headline.objects.earliest("pk")
    disclosure.released(first.campaign, at=NOW + timedelta(seconds=4), by="eve")
    found = renewals.progress(at=NOW + timedelta(seconds=4))
    assert (found.done, found.total, found.left_s, found.by) == (1, 3, 8, "marta")
    assert "1 of 3 reports are worked out." in told(client, LIST)
    assert renewals.cancel() == 2
    assert not renewals.progress(at=NOW).is_at_work


def test_two_workers_do_not_work_out_the_same_report(clear: Built) -> None:
    renewals.ask(by="marta", at=NOW)
    Headline.objects.update(begun_at=NOW)
    assert renewals.work_due(clock=lambda: NOW + timedelta(minutes=5)) == 0
    # Whoever had it has died.
    assert renewals.work_due(clock=lambda: NOW + timedelta(minutes=16)) == 1


def test_s5_whoever_only_looks_asks_for_nothing(clear: Built) -> None:
    viewer = User.objects.create_user("vera", password=desk.PASSWORD, is_staff=True)
    viewer.groups.add(Group.objects.get(name="Viewer"))
    client = Client()
    client.force_login(viewer)
    shown(clear.campaign)
    before = list(Headline.objects.values())
    html = told(client, LIST)
    assert "Work them out anew" not in html
    for name in ("renew", "cancel"):
        assert client.post(reverse(f"admin:campaigns_headline_{name}")).status_code == 403
    assert list(Headline.objects.values()) == before
    page = client.get(reverse("admin:campaigns_campaign_report", args=[clear.campaign.pk])).content.decode()
    for listed in ("decision", "delivery", "outcome", "code"):
        assert reverse(f"admin:campaigns_{listed}_changelist") not in page


def test_looking_changes_nothing_and_a_stranger_sees_nothing(client, clear: Built) -> None:
    for name in ("renew", "cancel"):
        assert client.get(reverse(f"admin:campaigns_headline_{name}")).status_code == 405
    stranger = Client()
    stranger.force_login(User.objects.create_user("olga", password="x", is_staff=True))
    for name in ("changelist", "export", "experiments", "compare"):
        assert stranger.get(reverse(f"admin:campaigns_headline_{name}")).status_code == 403
    assert not Headline.objects.exists()


# --- what is being tested ----------------------------------------------------------------------------------------------


def test_a_test_says_when_it_may_be_read(client, clear: Built) -> None:
    shown(clear.campaign)
    shown(like(clear, "fresh", status="running", started=NOW - 2 * DAY))
    html = told(client, "admin:campaigns_headline_experiments")
    assert "Its window is over. It earned +15.00 EUR per person" in html
    assert "Too early to say what it caused: that takes 50 buyers in each group" in html
    assert "2 tests. Nothing needs you." in html
    assert "50 % held out" in html


def test_n5_groups_of_sizes_that_chance_does_not_make_come_first(client, clear: Built) -> None:
    shown(clear.campaign)
    shown(like(clear, "lost", control_percent=Decimal(10)))
    html = told(client, "admin:campaigns_headline_experiments")
    assert html.index("Do not read it") < html.index("Its window is over.")
    assert "1 needs a look." in html


def test_variants_whose_sizes_are_off_are_not_compared(client, clear: Built) -> None:
    message = Message.objects.create(slug="hello", name="Hello", subject="Hello", body="Hello")
    for key, names in (("a", clear.treated[:50]), ("b", clear.treated[50:])):
        row = clear.campaign.variants.create(key=key, name=key.upper(), message=message)
        Decision.objects.filter(customer__external_id__in=names).update(variant=row)
    shown(clear.campaign)
    html = told(client, "admin:campaigns_headline_experiments")
    assert "Do not compare its variants" in html
    assert "A against B, by their weights" in html


def test_without_tests_the_first_step_is_said(client) -> None:
    html = told(client, "admin:campaigns_headline_experiments")
    assert "Nothing is being tested now." in html
    assert "The first step is a campaign with a control group" in html


# --- two side by side --------------------------------------------------------------------------------------------------


def test_two_campaigns_stand_side_by_side_with_the_caution(client, clear: Built) -> None:
    shown(clear.campaign)
    shown(like(clear, "autumn", window_days=7))
    html = told(client, "admin:campaigns_headline_compare", "?a=spring&b=autumn")
    assert "make them variants of one campaign" in html
    assert "measured for different numbers of days" in html
    assert "Their intervals overlap" in html
    assert html.count("It earned +15.00 EUR per person") == 2


@pytest.mark.parametrize(
    ("query", "told_so"),
    [
        ("?a=spring&b=spring", "This is the first campaign again. Choose another."),
        ("?a=spring&b=nothing", "There is no report of this campaign yet. Choose one from the list."),
        ("?a=spring&b=", "This field is required."),
    ],
)
def test_a_wrong_choice_is_told_at_its_field(client, clear: Built, query: str, told_so: str) -> None:
    shown(clear.campaign)
    html = told(client, "admin:campaigns_headline_compare", query)
    assert told_so in html
    assert 'value="spring" selected' in html


# --- what it costs -----------------------------------------------------------------------------------------------------


def test_the_pages_ask_no_more_of_many_campaigns_than_of_few(client, clear: Built) -> None:
    shown(clear.campaign)
    shown(like(clear, "other"))
    addresses = [
        reverse(LIST),
        reverse("admin:campaigns_headline_export"),
        reverse("admin:campaigns_headline_experiments"),
        reverse("admin:campaigns_headline_compare") + "?a=spring&b=other",
    ]
    few = [queries(client, address) for address in addresses]
    for n in range(12):
        shown(like(clear, f"more-{n}", status="running", started=NOW - DAY))
    many = [queries(client, address) for address in addresses]
    assert many == few
    assert max(many) <= 20


def test_a_report_s_page_asks_no_more_than_thirty(client, clear: Built) -> None:
    assert queries(client, reverse("admin:campaigns_campaign_report", args=[clear.campaign.pk])) <= 30


# --- large campaigns ---------------------------------------------------------------------------------------------------


def test_a_large_report_is_shown_as_it_was_until_a_new_one_is_asked_for(
    client, clear: Built, monkeypatch
) -> None:
    monkeypatch.setattr(disclosure, "LARGE", 100)
    shown(clear.campaign)
    paid(clear.control[20:60], "30.00")
    address = reverse("admin:campaigns_campaign_report", args=[clear.campaign.pk])
    with time_machine.travel(NOW + timedelta(hours=2), tick=False):
        page = client.get(address).content.decode()
        assert "It earned +15.00 EUR per person" in page
        assert "these numbers are of" in page
        assert "It earned +15.00" not in client.get(address + "?fresh=1").content.decode()
        # From now on that is the newest.
        assert "It earned +15.00" not in client.get(address).content.decode()


def test_a_small_or_an_early_report_is_never_taken_for_the_campaign_s(clear: Built, monkeypatch) -> None:
    row = like(clear, "running", status="running", started=NOW - 2 * DAY)
    shown(clear.campaign)
    shown(row)
    assert disclosure.kept(clear.campaign, at=NOW) is None
    monkeypatch.setattr(disclosure, "LARGE", 100)
    assert disclosure.kept(clear.campaign, at=NOW) is not None
    assert disclosure.kept(row, at=NOW) is not None
    assert disclosure.kept(row, at=NOW + 2 * DAY) is None
    paid(clear.control[20:60], "30.00", NOW - DAY)
    disclosure.released(row, at=NOW, until=NOW, by="eve")
    assert disclosure.kept(row, at=NOW) is None
