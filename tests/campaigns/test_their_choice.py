"""How often and about what people want to be written to, held at planning and in the commit that sends: U5, C4."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import delivery, optin_mail, planning, previews, report_text, rules
from campaigns.admin import words
from campaigns.models import Campaign, Decision, Delivery
from campaigns.waterfall import Waterfall
from customers import contact, optin
from customers.models import ContactChoice, Customer, Topic
from tests.campaigns.conftest import Sink, people
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]
DAY = timedelta(days=1)


def topic(slug: str) -> Topic:
    return Topic.objects.create(slug=slug, title=slug.title())


def leave(customer_id: int, *left: Topic) -> None:
    contact.choose(customer_id, shown=[row.pk for row in left])


def weekly(*ids: int) -> None:
    for pk in ids:
        contact.choose(pk, frequency="weekly")


def planned(row: Campaign, *, at: datetime = NOW) -> Waterfall:
    planning.plan(row.runs.get(), at=at)
    return Waterfall.from_dict(row.runs.get().waterfall)


def fates() -> set[tuple[int, str, str]]:
    return set(Delivery.objects.values_list("customer_id", "status", "reason"))


def test_who_paused_is_not_planned_and_stands_in_a_line_of_the_waterfall(campaign: Make) -> None:
    first, second = people(2)
    contact.pause(first, at=NOW - 29 * DAY)
    waterfall = planned(campaign(control_percent=50))
    assert (waterfall.matched, waterfall.their_choice, waterfall.left) == (2, 1, 0)
    # Before the arm is drawn: the control group holds only people who could have been reached.
    assert set(Decision.objects.values_list("customer_id", flat=True)) == {second}


def test_a_pause_ends_by_itself_and_by_their_click(campaign: Make) -> None:
    first, second = people(2)
    contact.pause(first, at=NOW - 30 * DAY)
    contact.pause(second, at=NOW)
    contact.resume(second)
    assert planned(campaign()).sendable == 2


def test_who_left_a_topic_gets_none_of_it_and_all_else(campaign: Make) -> None:
    first, _second = people(2)
    garden, kitchen = topic("garden"), topic("kitchen")
    leave(first, garden)
    assert planned(campaign(topic=garden)).their_choice == 1
    assert planned(campaign(topic=kitchen)).sendable == 2
    assert planned(campaign()).sendable == 2


def test_u5_what_is_chosen_after_planning_holds_at_sending(campaign: Make, sink: Sink) -> None:
    garden = topic("garden")
    ids = people(4)
    planned(campaign(topic=garden))
    contact.pause(ids[0], at=NOW)
    leave(ids[1], garden)
    leave(ids[2], topic("kitchen"))
    delivery.deliver_all(clock=lambda: NOW)
    assert fates() == {
        (ids[0], "suppressed", "paused"),
        (ids[1], "suppressed", "left_topic"),
        (ids[2], "sent", ""),
        (ids[3], "sent", ""),
    }
    assert sorted(sink.recipients()) == ["c002@mail.example", "c003@mail.example"]


def test_once_a_week_means_one_message_in_seven_days_over_all_campaigns(campaign: Make, sink: Sink) -> None:
    first, second = people(2)
    weekly(first)
    planned(campaign())
    delivery.deliver_all(clock=lambda: NOW)
    later = campaign(channel="webhook", webhook_url="https://partner.example/x", message=None)
    email = campaign()
    almost = NOW + 7 * DAY - timedelta(seconds=1)
    assert rules.capped([first, second], campaign=email, at=almost) == {first}
    assert rules.capped([first, second], campaign=later, at=almost) == {first}, "over every channel"
    assert rules.capped([first, second], campaign=email, at=NOW + 7 * DAY) == set()


def test_once_a_week_holds_when_two_were_planned_before_it_was_chosen(campaign: Make, sink: Sink) -> None:
    first, _second = people(2)
    planned(campaign())
    planned(campaign())
    weekly(first)
    delivery.deliver_all(clock=lambda: NOW)
    assert sink.recipients().count("c000@mail.example") == 1
    assert sink.recipients().count("c001@mail.example") == 2
    assert Delivery.objects.get(status="suppressed").reason == "capped"


def test_what_waits_counts_for_once_a_week_at_planning(campaign: Make) -> None:
    (pk,) = people(1)
    weekly(pk)
    assert planned(campaign()).sendable == 1
    assert planned(campaign()).capped == 1


def test_c4_c8_the_mail_of_the_double_opt_in_comes_in_a_pause_too(boris: Customer, sink: Sink) -> None:
    contact.pause(boris.pk, at=NOW)
    optin.ask(boris, "marketing_email", source="form", at=NOW)
    optin_mail.send_due(clock=lambda: NOW)
    assert sink.recipients() == ["boris@mail.example"]


def test_a_page_of_people_is_asked_in_one_query_whatever_its_size() -> None:
    ids = people(60)
    garden, kitchen = topic("garden"), topic("kitchen")
    for pk in ids[:40]:
        leave(pk, garden, kitchen)
    contact.pause(ids[0], at=NOW)
    weekly(ids[1])
    with CaptureQueriesContext(connection) as queries:
        wishes = contact.wishes(ids)
    assert len(queries) == 1
    assert len(wishes) == 40
    assert wishes[ids[2]].left == {garden.pk, kitchen.pk}
    assert wishes[ids[0]].is_paused(NOW)
    assert not wishes[ids[0]].is_paused(NOW + 30 * DAY)
    assert [pk for pk, wish in wishes.items() if wish.is_weekly] == [ids[1]]


def test_a_message_costs_no_query_more_for_it(campaign: Make) -> None:
    (pk,) = people(1)
    row = campaign(topic=topic("garden"))
    book = rules.book(["email"])
    asked = Delivery(run=row.runs.get(), customer=Customer.objects.get(pk=pk), channel="email")
    contact.pause(pk, at=NOW)
    with CaptureQueriesContext(connection) as queries:
        facts = rules.facts(asked, book, at=NOW)
    assert len(queries) == 1
    assert (facts.is_paused, facts.left_topic) == (True, False)
    leave(pk, row.topic)
    later = rules.facts(asked, book, at=NOW + 30 * DAY)
    assert (later.is_paused, later.left_topic) == (False, True)


def test_the_desk_and_the_report_have_words_for_the_line(campaign: Make) -> None:
    for pk in people(20):
        contact.pause(pk, at=NOW)
    waterfall = planned(campaign()).as_dict()
    losses = [(bar.label, bar.n) for bar in words.bars(waterfall) if bar.kind == "loss"]
    assert losses == [("paused it, or left the topic", 20)]
    assert report_text.WORDS["their_choice"] == "paused, or left the topic"


def test_a_preview_says_that_they_paused(campaign: Make) -> None:
    pia = person("pia", allows=["marketing_email"])
    contact.pause(pia.pk, at=NOW)
    row = campaign()
    verdicts = previews.preview(row.message, pia, at=NOW, campaign=row).verdicts
    told = [verdict.words for verdict in verdicts if not verdict.is_good]
    assert told == ["Asked for a pause, and it lasts."]


def test_who_chose_nothing_has_no_row(campaign: Make) -> None:
    (pk,) = people(1)
    assert (
        contact.choose(pk, frequency="all", shown=[topic("garden").pk], kept=[Topic.objects.get().pk])
        is False
    )
    assert contact.choose(pk, frequency="hourly") is False
    assert not ContactChoice.objects.exists()
