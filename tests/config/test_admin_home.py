"""The desk's home: what needs whom, what the figures say, and a shop that has nothing yet."""

import html
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from campaigns.figures.rows import day_of, days_shown
from campaigns.models import Campaign, DailyFigure, Delivery, Holdout, Offer, WebhookEndpoint
from config import needs
from config.home.need import Need, folded
from customers import few, installation
from customers.models import Installation
from tests import desk
from tests.config.test_few import told

ROLES = ["Viewer", "Marketer", "Approver", "Privacy officer", "Administrator"]
HOME = "admin:index"


@pytest.fixture(autouse=True)
def _a_sender_with_an_address(settings) -> None:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"


def login(role: str) -> Client:
    user = User.objects.create_user(role.split()[0].lower(), password=desk.PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(desk.staff())
    return client


def figure(name: str, value: float | None, *, about: str = "", back: int = 0, **fields: object) -> None:
    now = timezone.now()
    DailyFigure.objects.update_or_create(
        day=day_of(now) - timedelta(days=back),
        name=name,
        about=about,
        defaults={"value": value, "counted_at": now, "low": None, "high": None, "why": "", **fields},
    )


def words(client: Client) -> str:
    return told(client.get(reverse(HOME)).content)


# --- empty ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_home_opens_with_and_without_rows(client: Client, language: str) -> None:
    client.cookies["django_language"] = language
    empty = client.get(reverse(HOME))
    assert empty.status_code == 200
    assert [step.is_next for step in empty.context["first_steps"]] == [True] + [False] * 5
    assert empty.context["figures"] == []
    desk.shop()
    full = client.get(reverse(HOME))
    assert full.status_code == 200
    assert len(full.context["figures"]) == 4


def test_an_empty_shop_is_led_to_its_first_campaign(client: Client) -> None:
    said = words(client)
    assert "To the first campaign" in said
    assert "Connect the shop" in said
    assert "No campaign is running." in said
    assert "fewer than" not in said, "nobody was counted"
    assert "Train now" not in said, "there is nothing to learn from"


# --- what needs whom ------------------------------------------------------------------------------------------------


def wanting() -> Campaign:
    """A shop with something to do for everybody."""
    row = desk.shop()
    Delivery.objects.filter(pk=Delivery.objects.filter(status="sent").values("pk")[:1]).update(
        status="unknown"
    )
    desk.campaign(offers=[], name="Autumn")
    Offer.objects.filter(slug="ten-0").update(max_total=10, given=9)
    WebhookEndpoint.objects.update(paused_at=timezone.now(), paused_because="failing")
    row.runs.update(due_at=timezone.now() - timedelta(hours=3), state="due")
    return row


MAY_DO = {
    "unknown fate": {"Marketer", "Approver", "Privacy officer", "Administrator"},
    "campaign draft": {"Marketer", "Approver", "Administrator"},
    "nearly used up": {"Marketer", "Approver", "Administrator"},
    "stopped by itself": {"Administrator"},
    "more than two hours late": {"Marketer", "Approver", "Administrator"},
    "privacy requests are overdue": {"Privacy officer", "Administrator"},
    "No model has been learnt": {"Marketer", "Administrator"},
    "use of a sensitive attribute": {"Approver", "Privacy officer", "Administrator"},
    "No worker has been seen": {"Administrator"},
}


def test_s5_each_role_is_told_of_what_it_may_do_and_no_link_is_closed(db: None, settings) -> None:
    settings.UNFOLD = desk.short_menu()
    wanting()
    seen: dict[str, set[str]] = {name: set() for name in MAY_DO}
    for role in ROLES:
        client = login(role)
        answer = client.get(reverse(HOME))
        waiting = [*answer.context["needs"], *answer.context["needs_folded"]]
        for name, who in seen.items():
            if any(name in need.words for need in waiting):
                who.add(role)
        page = answer.content.decode()
        inside = page[page.index("desk-page") :]
        links = {html.unescape(link) for link in re.findall(r'href="(/admin/[^"#]*)"', inside)}
        closed = [link for link in sorted(links) if client.get(link, follow=True).status_code != 200]
        assert closed == [], role
    assert seen == MAY_DO


def test_the_gravest_stands_first_and_urgency_is_a_word(client: Client) -> None:
    wanting()
    answer = client.get(reverse(HOME))
    weights = [need.weight for need in (*answer.context["needs"], *answer.context["needs_folded"])]
    order = ["harm", "attention", "plain"]
    assert weights == sorted(weights, key=order.index)
    assert {"harm", "attention", "plain"} == set(weights)
    assert told(answer.content).count("Urgent") == weights.count("harm")


def test_many_of_a_kind_are_one_line() -> None:
    needs_ = [Need(f"{n}", "Look", f"/{n}", "attention" if n else "harm") for n in range(4)]
    assert folded(needs_[:3], str, action="Look", link="/all") == needs_[:3]
    assert folded(needs_, lambda n: f"{n} of them", action="Look", link="/all") == [
        Need("4 of them", "Look", "/all", "harm")
    ]


def test_four_offers_that_run_low_are_one_line(client: Client) -> None:
    for n in range(4):
        desk.offer(n, max_total=10, given=9)
    said = words(client)
    assert "4 offers are nearly used up." in said
    assert "“Ten percent 0”" not in said


def test_whoever_cannot_release_sending_is_told_who_can(db: None) -> None:
    installation.look(at=timezone.now())
    installation.hold("older", at=timezone.now())
    marketer, officer = login("Marketer"), login("Privacy officer")
    assert "A privacy officer or an administrator may release it." in words(marketer)
    page = reverse("admin:customers_installation_change", args=[Installation.objects.get().pk])
    assert page not in marketer.get(reverse(HOME)).content.decode()
    assert page in officer.get(reverse(HOME)).content.decode()


def test_a_report_that_may_be_read_waits_until_somebody_has(client: Client) -> None:
    row = desk.measured(desk.shop(control=10))
    row.saved_reports.all().delete()
    told_of = f"The experiment of “{row.name}” is over: its report may be read now."
    assert told_of in words(client)
    client.get(reverse("admin:campaigns_campaign_report", args=[row.pk]))
    assert told_of not in words(client)
    row.saved_reports.all().delete()
    Campaign.objects.filter(pk=row.pk).update(window_days=30)
    assert told_of not in words(client), "its window is open"


def test_n5_groups_of_impossible_sizes_raise_the_alarm(client: Client) -> None:
    row = desk.shop()
    figure("effect", None, about=row.slug, why="ratio")
    assert f"The groups of “{row.name}” have sizes that chance does not make" in words(client)


def test_looking_changes_nothing(client: Client) -> None:
    wanting()
    before = [
        list(model.objects.order_by("pk").values())
        for model in (Campaign, Delivery, DailyFigure, Installation)
    ]
    client.get(reverse(HOME))
    assert before == [
        list(model.objects.order_by("pk").values())
        for model in (Campaign, Delivery, DailyFigure, Installation)
    ]


# --- the figures ----------------------------------------------------------------------------------------------------


def test_each_figure_says_of_whom_since_when_and_against_before(client: Client) -> None:
    figure("known", 1000)
    figure("sent", 1200)
    figure("reached", 1100)
    figure("reached", 1000, back=30)
    figure("messages", 1200)
    figure("orders", 200, people=200)
    figure("orders", 100, people=100, back=30)
    figure("worth", 5000, people=200)
    figure("profit", 300, low=100, high=500)
    figure("profit", 200, low=50, high=350, back=30)
    figure("effect", 2.0, about="spring", low=1.0, high=3.0, people=1000)
    figure("effect", None, about="early", why="early")
    figure("overlap", 0.12)
    figure("allows", 0.61, about="personalization", people=1000)
    figure("allows", 0.63, about="personalization", people=1000, back=30)
    figure("allows", 0.02, about="marketing_email", people=1000, why="below")
    cards = {card.title: card for card in client.get(reverse(HOME)).context["figures"]}
    reached, orders = cards["People reached"], cards["Orders after a message"]
    profit, allow = cards["Incremental profit"], cards["Allow personalization"]
    assert reached.told == "about 1,100"
    assert (reached.of, reached.since) == (
        "People to whom a message was sent, each counted once,",
        f"{date_format(day_of(timezone.now()) - timedelta(days=29), 'SHORT_DATE_FORMAT')} to "
        f"{date_format(day_of(timezone.now()), 'SHORT_DATE_FORMAT')}",
    )
    assert reached.lines[0] == "by about 1,200 messages"
    assert reached.lines[1] == "+10% against the 30 days before (counted, not estimated)"
    assert orders.lines[0] == "worth about 5,000 EUR, by about 200 people, by last touch"
    # exp(1.96 · √(1/200 + 1/100)) = 1.271: from 2/1.271 to 2·1.271.
    assert orders.lines[-1] == "+100% against the 30 days before; by chance alone +57% to +154%"
    assert profit.told == "+300 EUR"
    assert profit.lines[0] == (
        "+300 EUR (+100 to +500), summed from the control groups of 1 of 2 campaigns; "
        "12% of the places are of people in several, counted in each"
    )
    # √(200² + 150²) = 250 on either side of 100.
    assert profit.lines[1] == "+100 EUR against the 30 days before (-150 to +350)"
    assert (allow.told, allow.beside) == ("61%", [("offers by e-mail", "< 2%")])
    assert allow.lines == ["-2 points against 30 days before"]
    assert allow.of == "Of about 1,000 known customers, counted and not estimated,"
    assert allow.since.startswith("as of ")


def test_an_interval_around_nought_cannot_tell(client: Client) -> None:
    figure("profit", 300, low=-10, high=610)
    (card,) = (c for c in client.get(reverse(HOME)).context["figures"] if c.title == "Incremental profit")
    assert card.told == "Cannot tell yet"
    assert card.lines[0].startswith("+300 EUR (-10 to +610)")


def test_the_global_holdout_comes_first(client: Client) -> None:
    desk.shop()
    holdout = Holdout.objects.get()
    Holdout.objects.update(starts_at=timezone.now() - timedelta(days=40))
    holdout.refresh_from_db()
    figure("holdout", 9000, about=holdout.slug, low=2000, high=16000, people=900)
    figure("profit", 300, low=100, high=500)
    (card,) = (c for c in client.get(reverse(HOME)).context["figures"] if c.title == "Incremental revenue")
    assert card.told == "+9,000 EUR"
    assert card.lines[0].startswith("Everyone against the holdout “Autumn”: +9,000 EUR (+2,000 to +16,000)")
    assert card.lines[1].startswith("Profit: +300 EUR")
    assert card.of == "Of everybody whom campaigns chose, against the holdout,"
    assert card.since == f"since {date_format(timezone.localtime(holdout.starts_at), 'SHORT_DATE_FORMAT')}"
    assert card.link == reverse("admin:campaigns_holdout_report", args=[holdout.pk])


def test_n1_a_shop_of_three_reads_like_one_of_nineteen(client: Client) -> None:
    for name in ("reached", "messages", "orders", "worth", "known", "sent"):
        figure(name, None)
    said = words(client)
    assert "People reached fewer than 20" in said
    assert "Orders after a message fewer than 10" in said
    assert (
        f"What came back of fewer than {few.FEWEST_PEOPLE} messages that were sent, in the last 7 days."
        in said
    )


def test_u7_mail_is_judged_by_the_limits_and_never_by_a_few(client: Client) -> None:
    figure("sent", 10_000)
    figure("came_back", 0.002, about="complaint")
    figure("came_back", 0.06, about="hard")
    figure("sent", 4_000, about="mail.example")
    figure("came_back", 0.004, about="complaint mail.example")
    mail = client.get(reverse(HOME)).context["mail"]
    (domain,) = mail.by_domain
    assert (domain.domain, domain.sent) == ("mail.example", "about 4,000")
    assert domain.cells == [
        ("0.40 %", "harm", "above what mailboxes take"),
        *[("too few to tell", "", "")] * 3,
    ]
    assert [(row.told, row.state) for row in mail.rows[:2]] == [("0.20 %", "attention"), ("6.00 %", "harm")]
    figure("sent", 100)
    figure("came_back", 0.1, about="complaint", why="below")
    row = client.get(reverse(HOME)).context["mail"].rows[0]
    assert (row.told, row.state, row.words) == ("fewer than 10", "", "too few to judge")
    figure("came_back", 0.0009, about="complaint", why="below")
    assert client.get(reverse(HOME)).context["mail"].rows[0].state == "good"


def test_twelve_weeks_are_drawn_with_a_gap_where_nothing_was_counted(client: Client) -> None:
    today = day_of(timezone.now())
    for n, day in enumerate(days_shown(today)):
        if n != 3:
            figure("profit", 100.0 - n, low=10.0 - n, high=200.0 - n, back=(today - day).days)
    over = client.get(reverse(HOME)).context["earnings"]
    assert len(over.table.rows) == 13
    assert over.table.rows[0][1] == "100 (10 … 200)"
    assert over.table.rows[3][1] == "–"
    # Low is above nought for the newest ten weeks less the one that is missing.
    assert over.summary == "In 9 of 12 points profit was more than chance would make."
    (line,) = over.charts[0][0].lines
    assert line.path.count("M") == 2
    DailyFigure.objects.exclude(day=today).delete()
    assert client.get(reverse(HOME)).context["earnings"] is None


def test_running_campaigns_say_how_far_and_what_can_be_said_of_their_effect(client: Client) -> None:
    row = desk.shop(60, control=0)
    row.runs.update(waterfall={"sendable": 40})
    Delivery.objects.update(status="cancelled")
    Delivery.objects.filter(pk__in=Delivery.objects.values("pk")[:20]).update(status="planned")
    figure("effect", 2.0, about=row.slug, low=1.0, high=3.0, people=40)
    (entry,) = client.get(reverse(HOME)).context["running"]
    assert entry.percent == 50
    assert entry.state == "Messages planned: about 40; still to leave: about 20."
    assert entry.effect == "+2.00 EUR per person (1.00 to 3.00), about 40 in the campaign"
    figure("effect", 2.0, about=row.slug, low=-1.0, high=5.0, people=40)
    (entry,) = client.get(reverse(HOME)).context["running"]
    assert entry.effect == "Cannot tell yet: +2.00 EUR per person (-1.00 to 5.00), about 40 in the campaign"
    figure("effect", None, about=row.slug, why="no_control")
    (entry,) = client.get(reverse(HOME)).context["running"]
    assert entry.effect == "No control group, so its effect cannot be told."


def test_home_asks_at_most_thirty_times_of_many_as_of_few(client: Client) -> None:
    row = wanting()
    Campaign.objects.filter(pk=row.pk).update(control_percent=Decimal(10))
    for n in range(20):
        desk.campaign(offers=[], name=f"Campaign {n}")
    Campaign.objects.filter(name__startswith="Campaign").update(status="running")
    client.get(reverse(HOME))
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(reverse(HOME))
    assert len(captured) <= 30, "\n".join(query["sql"][:150] for query in captured)
    assert (len(answer.context["running"]), answer.context["running_more"]) == (8, 13)


def test_without_a_reader_everything_is_told_in_tens(db: None) -> None:
    wanting()
    said = " ".join(need.words for need in needs.everything(timezone.now()))
    assert "fewer than 20 messages have an unknown fate" in said
