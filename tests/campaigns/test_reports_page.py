"""The report's page at the desk: the verdict first, its charts and tables, its files; and the holdout's."""

import csv
import io
import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import report_text
from campaigns.admin.charts import Chart, Line
from campaigns.admin.report import matrix
from campaigns.models import Campaign, CampaignRun, Decision, Holdout, Message, Segment
from campaigns.reports import Cell, Expected, SegmentRow
from tests import desk
from tests.campaigns.conftest import offer, people
from tests.campaigns.reporting import DAY, START, Built, built, paid
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


@pytest.fixture
def grown(db: None) -> Built:
    """Two variants of sixty each, sixty held out; two in three of each group buy on the second and the third day."""
    made = built(120, 60)
    message = Message.objects.create(slug="hello", name="Hello", subject="Hello", body="Hello")
    for key, names in (("a", made.treated[:60]), ("b", made.treated[60:])):
        row = made.campaign.variants.create(key=key, name=f"Version {key.upper()}", message=message)
        Decision.objects.filter(customer__external_id__in=names).update(variant=row)
    for names in (made.treated[:60], made.treated[60:], made.control):
        paid(names[:26], "20.00", START + DAY)
        paid(names[26:52], "30.00", START + 2 * DAY)
    return made


def page(client: Client, row: Campaign, query: str = "") -> str:
    answer = client.get(reverse("admin:campaigns_campaign_report", args=[row.pk]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_report_says_the_verdict_then_the_time_the_segments_and_the_variants(
    client, grown: Built
) -> None:
    html = page(client, grown.campaign)
    assert html.index("Cannot tell yet: +0.00 EUR per person") < html.index("What the campaign caused")
    assert html.count('class="desk-chart"') == 2
    assert "Cannot tell yet which is better." in html
    assert "Version A" in html
    assert "a less b" in html
    assert "Share who ordered (exploratory)" in html
    assert "Everyone" in html
    client.cookies["django_language"] = "zh-hans"
    page(client, grown.campaign)


def test_a_report_of_nobody_opens_too(client) -> None:
    row = Campaign.objects.create(slug="draft", name="Draft")
    assert "Nobody has been planned yet." in page(client, row)


def test_an_open_window_is_said(client) -> None:
    made = built(30, 30)
    CampaignRun.objects.update(planned_at=timezone.now() - DAY)
    assert "The window of 60 people is still open" in page(client, made.campaign)
    assert "The window of 60 people is still open." in report_text.text(made.report(at=START + DAY))


def test_every_table_can_be_taken_along(client, grown: Built) -> None:
    Segment.objects.update(name="=1+1")
    for name, rows in (("headline", 14), ("waterfall", 12), ("days", 14), ("segments", 1), ("variants", 3)):
        answer = client.get(
            reverse("admin:campaigns_campaign_report_file", args=[grown.campaign.pk, f"{name}.csv"])
        )
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"] == f'attachment; filename="spring-{name}.csv"'
        text = answer.content.decode("utf-8-sig")
        found = list(csv.DictReader(io.StringIO(text)))
        assert len(found) == rows, name
        assert ",=1+1" not in text
    whole = client.get(
        reverse("admin:campaigns_campaign_report_file", args=[grown.campaign.pk, "report.json"])
    )
    assert json.loads(whole.content)["campaign"] == "spring"
    for file in ("nothing.csv", "days.json", "days"):
        address = reverse("admin:campaigns_campaign_report_file", args=[grown.campaign.pk, file])
        assert client.get(address).status_code == 404


def test_who_may_not_see_campaigns_gets_no_file_of_one(grown: Built) -> None:
    client = Client()
    client.force_login(User.objects.create_user("olga", password="x", is_staff=True))
    address = reverse("admin:campaigns_campaign_report_file", args=[grown.campaign.pk, "report.json"])
    assert client.get(address).status_code == 403
    User.objects.get(username="olga").user_permissions.add(Permission.objects.get(codename="view_campaign"))
    assert client.get(address).status_code == 200


def test_the_text_names_the_variants_and_what_stands_beside(grown: Built) -> None:
    text = report_text.text(grown.report())
    assert "Version A                    60 people, 52 bought, 21.67 a person" in text
    assert "Cannot tell yet which is better." in text
    assert "share who ordered 86.7% against 86.7%" in text


# --- expected ----------------------------------------------------------------------------------------------------------


def test_without_a_model_the_page_says_why_nothing_is_expected(client, grown: Built) -> None:
    html = page(client, grown.campaign, "?expected=1")
    assert "The live model cannot tell: the campaign has no offers" in html
    grown.campaign.audiences.get().offers.add(offer("ten"))
    html = page(client, grown.campaign, "?expected=1")
    assert "The live model cannot tell: nothing has been learnt yet" in html


@pytest.mark.once
def test_who_is_expected_to_buy_stands_beside_what_was_seen_but_for_blank_cells(grown: Built) -> None:
    cells = [Cell("Ten", 40, 20, 15.0), Cell("Free", None, None, None), Cell("New", 30, 12, 8.0)]
    report = replace(
        grown.report(), segments=[SegmentRow("All", "", 70, 30, 1.0, 0.0, 2.0, cells=tuple(cells))]
    )
    told = {("All", name): Expected(12.4, 8.0, 17.2) for name in ("Ten", "Free")}
    ((_row, found),) = matrix(report, told)
    assert [words for _cell, words in found] == ["12 (8 … 17)", "", ""]


# --- the holdout -------------------------------------------------------------------------------------------------------


def holdout(**fields: object) -> Holdout:
    values = {"percent": Decimal(40), "salt": "quarter", "starts_at": START, **fields}
    return Holdout.objects.create(slug="quarter", name="Autumn", **values)


def test_the_holdout_s_page_says_what_all_campaigns_bring(client) -> None:
    row = holdout(ends_at=START + 10 * DAY)
    address = reverse("admin:campaigns_holdout_report", args=[row.pk])
    assert "No campaign has chosen anybody since it began." in client.get(address).content.decode()
    campaign = Campaign.objects.create(slug="spring", name="Spring")
    for pk in people(150):
        Decision.objects.create(
            campaign=campaign, customer_id=pk, placement="email", purpose="marketing_email", basis="default",
            decided_at=START + DAY,
        )  # fmt: skip
    paid([f"c{n:03}" for n in range(150)], "10.00", START + 2 * DAY)
    html = client.get(address).content.decode()
    assert "Cannot tell yet: +0.00 EUR per person" in html
    assert "left in peace" in html


def test_from_its_first_day_the_share_the_start_and_the_salt_stand_fast(client) -> None:
    row = holdout(starts_at=timezone.now() - DAY)
    address = reverse("admin:campaigns_holdout_change", args=[row.pk])
    assert "The salt never changes" in client.get(address).content.decode()
    client.post(
        address,
        {"name": "Winter", "slug": "other", "percent": "5", "salt": "mine", "starts_at_0": "2020-01-01"},
    )
    row.refresh_from_db()
    assert (row.name, row.slug, row.percent, row.salt) == ("Winter", "quarter", Decimal(40), "quarter")
    assert (
        client.post(reverse("admin:campaigns_holdout_delete", args=[row.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert Holdout.objects.filter(pk=row.pk).exists()


def test_one_that_has_not_begun_may_still_be_changed_or_deleted(client) -> None:
    row = holdout(starts_at=timezone.now() + DAY)
    begins = timezone.now() + 2 * DAY
    fields = {
        "starts_at_0": f"{begins:%Y-%m-%d}",
        "starts_at_1": "09:00:00",
        "ends_at_0": "",
        "ends_at_1": "",
    }
    client.post(
        reverse("admin:campaigns_holdout_change", args=[row.pk]),
        {"name": "Winter", "slug": "winter", "percent": "5", **fields},
    )
    row.refresh_from_db()
    assert (row.slug, row.percent, row.salt) == ("winter", Decimal(5), "quarter")
    client.post(reverse("admin:campaigns_holdout_delete", args=[row.pk]), {"post": "yes"})
    assert not Holdout.objects.exists()


# --- drawn -------------------------------------------------------------------------------------------------------------


def moments(n: int) -> list[datetime]:
    return [NOW + timedelta(days=day) for day in range(n)]


@pytest.mark.once
def test_a_line_has_a_gap_where_nothing_is_known_and_a_band_around_it() -> None:
    band = [(0.0, 4.0), None, (-4.0, 4.0), (0.0, 4.0)]
    chart = Chart.of(moments(4), Line("effect", "treated", [2.0, None, 0.0, 2.0], band))
    assert chart is not None
    assert [words for _place, words in chart.ticks] == ["-4", "-2", "0", "2", "4"]
    assert chart.zero == 50
    (line,) = chart.lines
    assert line.path == "M0.0 25.0 L0.0 25.0 M66.67 50.0 L100.0 25.0"
    assert line.band == "M0.0 50.0 L0.0 0.0 Z M66.67 100.0 L100.0 50.0 L100.0 0.0 L66.67 0.0 Z"
    assert [place for place, _words in chart.marks] == [0, 33.33, 100]


@pytest.mark.once
def test_labels_of_lines_that_end_together_stand_apart() -> None:
    chart = Chart.of(moments(2), Line("a", "treated", [1.0, 2.0]), Line("b", "control", [1.0, 1.99]))
    above, below = chart.lines
    assert below.label_at - above.label_at == pytest.approx(9)


@pytest.mark.once
def test_of_nothing_known_nothing_is_drawn() -> None:
    assert Chart.of(moments(3), Line("a", "treated", [None] * 3)) is None
    assert Chart.of(moments(1), Line("a", "treated", [0.0])) is not None
