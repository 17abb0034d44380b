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

from campaigns import disclosure, report_text
from campaigns.admin.charts import Chart, Dots, Interval, Line, Scale, Square, bars, levels
from campaigns.admin.reports.charts import matrix, summary_of_days, waterfall
from campaigns.models import Campaign, CampaignRun, Code, Decision, Holdout, Message, Segment
from campaigns.reports import Cell, Day, Expected, SegmentRow, codes, small
from tests import desk
from tests.campaigns.conftest import offer, people
from tests.campaigns.reporting import DAY, START, Built, built, paid, with_codes
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
    assert "Version A less Version B" in html
    assert "Share who ordered (exploratory)" in html
    assert "Everyone" in html
    client.cookies["django_language"] = "zh-hans"
    page(client, grown.campaign)


def test_a_report_of_nobody_opens_too(client) -> None:
    row = Campaign.objects.create(slug="draft", name="Draft")
    html = page(client, row)
    assert "Nobody has been planned yet." in html
    assert "As soon as the campaign has chosen its people" in html
    assert "Cost and profit" not in html


def test_an_open_window_is_said(client) -> None:
    made = built(30, 30)
    CampaignRun.objects.update(planned_at=timezone.now() - DAY)
    assert "The window of 60 people is still open" in page(client, made.campaign)
    assert "The window of 60 people is still open." in report_text.text(made.report(at=START + DAY))


def test_every_table_can_be_taken_along(client, grown: Built) -> None:
    Segment.objects.update(name="=1+1")
    for name, rows in (("headline", 18), ("waterfall", 12), ("days", 14), ("segments", 1), ("variants", 3)):
        answer = client.get(
            reverse("admin:campaigns_campaign_report_file", args=[grown.campaign.pk, f"{name}.csv"])
        )
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        day = timezone.localtime().date()
        assert answer["Content-Disposition"] == f'attachment; filename="spring-{name}-{day}.csv"'
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
    offers, ((_row, found),) = matrix(report, told)
    assert offers == ["Ten", "Free", "New"]
    assert found[0].told[-1] == "today's model: 12 buyers (8 … 17)"
    assert found[1] == Square(("too few people to show",), is_thin=True)
    assert found[2].told == ["8.00 per person", "30 people, 12 bought"]


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


@pytest.mark.once
def test_intervals_stand_on_one_scale_and_nought_is_on_it() -> None:
    dots = Dots.of(
        [Interval("a", "", 2.0, 1.0, 3.0, "earned"), Interval("b", "", -1.0, -3.0, 1.0)], Scale(-4.0, 4.0)
    )
    assert dots is not None
    assert dots.zero == 50
    assert [(row.start, row.width, row.point) for row in dots.rows] == [
        (62.5, 25.0, 75.0),
        (12.5, 50.0, 37.5),
    ]
    assert dots.ticks == [(0.0, "-4"), (25.0, "-2"), (50.0, "0"), (75.0, "2"), (100.0, "4")]
    assert Dots.of([]) is None
    assert Dots.of([Interval("endless", "", 0.0, -float("inf"), 1.0)]) is None


@pytest.mark.once
def test_one_wide_interval_does_not_press_the_others_flat_and_is_marked_as_cut() -> None:
    scale = Scale.for_most([(-1.0, 1.0), (0.5, 2.0), (-900.0, 900.0)])
    assert (scale.low, scale.high) == (-8 * 1.16, 8 * 1.16)
    dots = Dots.of([Interval("wide", "", 0.0, -900.0, 900.0)], scale)
    assert dots is not None
    assert dots.rows[0].is_cut == (True, True)
    assert (dots.rows[0].start, dots.rows[0].width) == (0.0, 100.0)


@pytest.mark.once
def test_bars_begin_at_nought_and_what_is_held_back_has_no_length() -> None:
    found = bars(
        [("given", 40, "40", "whole", ""), ("used", 10, "10", "left", ""), ("few", None, "–", "loss", "")]
    )
    assert [(bar.percent, bar.offset) for bar in found] == [(100.0, 0.0), (25.0, 0.0), (0.0, 0.0)]


@pytest.mark.once
def test_squares_are_darker_the_more_they_hold() -> None:
    assert levels([0.0, 1.0, 2.0, 3.0, 4.0, None]) == [1, 2, 3, 4, 4, 0]
    assert levels([None]) == [0]


def test_each_loss_of_the_waterfall_stands_where_those_end_who_are_left(grown: Built) -> None:
    CampaignRun.objects.update(
        waterfall={
            "matched": 400, "no_consent": {"marketing_email": 100}, "suppressed": {}, "no_address": 120,
            "held_out": 60, "sendable": 120,
        }
    )  # fmt: skip
    drawn = {bar.label: (bar.offset, bar.percent) for bar in waterfall(grown.report(), {})}
    assert drawn["match"] == (0.0, 100.0)
    assert drawn["do not allow offers by e-mail"] == (75.0, 25.0)
    assert drawn["have no address"] == (45.0, 30.0)
    assert drawn["held out as the control group"] == (30.0, 15.0)
    assert drawn["can be reached"] == (0.0, 30.0)
    assert drawn["people in the campaign who ordered"] == (0.0, 26.0)


def test_whoever_came_one_by_one_is_the_whole_of_what_came_of_it(grown: Built) -> None:
    CampaignRun.objects.update(waterfall={})
    drawn = {bar.label: (bar.n, bar.percent) for bar in waterfall(grown.report(), {})}
    assert drawn["in the campaign, as they came"] == (120, 100.0)
    assert drawn["people in the campaign who ordered"] == (104, 86.67)
    assert "match" not in drawn


def test_the_summary_says_since_when_the_band_is_clear_of_nought() -> None:
    first, second = (
        Day(NOW + n * DAY, 60, 60, 1.0, 1.0, 2.0 + n, low, 5.0, "sequence")
        for n, low in ((0, -1.0), (1, 0.5))
    )
    assert "from +2.00 on" in summary_of_days([first, second])
    assert "clear of nought since" in summary_of_days([first, second])
    assert "still holds nought" in summary_of_days([second, first])


def test_n1_a_thin_cell_is_blank_on_page_chart_table_and_json(client, grown: Built) -> None:
    """Everybody of one segment had one offer, but for twelve who had another: their cell takes the other along."""
    common, rare = offer("common", title="Common"), offer("rare", title="Rare")
    Decision.objects.filter(arm="treated").update(offer=common)
    few = Decision.objects.filter(customer__external_id__in=grown.treated[:12])
    few.update(offer=rare)
    found = client.get(reverse("admin:campaigns_campaign_report", args=[grown.campaign.pk]))
    html = found.content.decode()
    ((_row, squares),) = found.context["matrix"]
    assert {(square.is_thin, square.level, square.told) for square in squares} == {
        (True, 0, ("too few people to show",))
    }
    assert html.count("too few people to show") >= 2
    assert "12 people" not in html
    assert "108 people" not in html
    table = client.get(
        reverse("admin:campaigns_campaign_report_file", args=[grown.campaign.pk, "segments.csv"])
    ).content.decode("utf-8-sig")
    cells = [row for row in csv.DictReader(io.StringIO(table)) if row["offer"]]
    assert [
        (row["treated"], row["ordered"], row["revenue_per_person"], row["expected_anyway"]) for row in cells
    ] == [("", "", "", "")] * 2
    whole = client.get(
        reverse("admin:campaigns_campaign_report_file", args=[grown.campaign.pk, "report.json"])
    ).json()
    assert [(cell["people"], cell["revenue_per_person"]) for cell in whole["segments"][0]["cells"]] == [
        (None, None)
    ] * 2


def test_the_bands_around_the_means_are_as_wide_as_chance(grown: Built) -> None:
    """Of 120 treated 52 bought for 20.00 on the second day: 8.667 a person, spread 9.951, so ± 1.96 · 9.951/√120."""
    day = next(day for day in grown.report().days if day.treated is not None)
    assert (day.treated, day.treated_within) == pytest.approx((8.6667, 1.7804), abs=1e-3)


def test_a_report_of_before_the_bands_is_still_read(grown: Built) -> None:
    stored = grown.report().as_dict()
    for day in stored["days"]:
        del day["treated_within"], day["control_within"]
    del stored["margin_percent"]
    found = disclosure.as_shown(stored)
    assert found.margin_percent is None
    assert found.days[-1].treated_within is None


def test_profit_is_told_line_by_line(client, grown: Built) -> None:
    with_codes(grown)
    paid(grown.treated[52:60], "90.00")
    found = client.get(reverse("admin:campaigns_campaign_report", args=[grown.campaign.pk]))
    lines = [line[0] for line in found.context["profit"]]
    assert lines == [
        "Revenue it caused, of 120 people in the campaign",
        "What is kept of it, a margin of 40 %",
        "Discounts used by people in the campaign, less those the held out used anyway",
        "Sending the messages",
        "Profit it caused",
    ]
    # Six codes were redeemed: too few for their discounts to be told, and for the profit.
    assert [line[1] for line in found.context["profit"]][2:] == [
        "too few to show",
        "− 0.00 EUR",
        "too few to show",
    ]


def test_codes_that_expired_are_told_where_nobody_is_left_alone(grown: Built) -> None:
    with_codes(grown)
    given = list(Code.objects.order_by("pk"))
    Code.objects.filter(pk__in=[code.pk for code in given[7:57]]).update(state="expired")
    assert small.codes_of(codes.codes(grown.campaign))["expired"] == 50
    # Of 120 two would be left who still hold theirs.
    Code.objects.filter(pk__in=[code.pk for code in given[7:]]).update(state="expired")
    assert small.codes_of(codes.codes(grown.campaign))["expired"] == 113
    Code.objects.filter(pk__in=[code.pk for code in given[118:]]).update(state="assigned")
    assert small.codes_of(codes.codes(grown.campaign))["expired"] is None


def test_the_people_behind_a_bar_are_opened_by_whoever_may_see_them(client, grown: Built) -> None:
    html = page(client, grown.campaign)
    deliveries = reverse("admin:campaigns_delivery_changelist")
    listed = f"{deliveries}?run__campaign__id__exact={grown.campaign.pk}"
    assert f'href="{listed}"' in html
    assert client.get(listed).status_code == 200
