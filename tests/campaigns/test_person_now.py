"""What one person would get now is worked out by the paths that serve and plan, and nothing of it is kept."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from campaigns.models import Code, Decision, Delivery
from customers.models import Customer
from recommender.models import Interest, RefusedInterest, Score, Shown
from tests import desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(db: None, settings) -> Client:
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    client = Client()
    client.force_login(desk.staff())
    return client


def page(name: str, person: Customer) -> str:
    return reverse(f"admin:customers_customer_{name}", args=[person.pk])


def kept() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Decision, Delivery, Code, Shown))


def test_every_verdict_of_a_campaign_is_told_and_nothing_is_kept(client) -> None:
    row = desk.shop(30)
    allows, refuses = Customer.objects.order_by("pk")[1], Customer.objects.order_by("pk")[0]
    before = kept()
    told = client.get(page("now", refuses), {"ask": f"campaign:{row.pk}"}).content.decode()
    assert "They would not get it: Does not allow it: gets nothing." in told
    assert "In the segment “Germans”." in told
    told = client.get(page("now", allows), {"ask": f"campaign:{row.pk}"})
    names = [verdict.name for verdict in answer_of(told).verdicts]
    assert names[:4] == ["Audience", "Consent", "Group by lot", "Frequency"]
    assert kept() == before


def answer_of(told):
    return next(one.answer for _title, ones in told.context["groups"] for one in ones if one.answer)


def test_who_does_not_allow_it_gets_what_everybody_sees_and_the_page_says_so(client) -> None:
    desk.shop(9)
    refuses = Customer.objects.order_by("pk")[0]
    answer = answer_of(client.get(page("now", refuses)))
    assert answer.state == (
        "Not used for personalisation: they do not allow it. They get what everybody sees:"
    )
    assert answer.items, "and there is something to see"
    assert {item.why for item in answer.items} <= {"Popular now", "New in the shop"}


def test_a_look_asks_a_bounded_number_of_questions(client) -> None:
    row = desk.shop(9)
    person = Customer.objects.order_by("pk")[1]
    for asked in ("list:", "list:home-p", f"campaign:{row.pk}", "campaign:999999", "nonsense"):
        address = page("now", person)
        client.get(address, {"ask": asked})
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address, {"ask": asked}).status_code == 200
        assert len(queries) <= 30, asked


def test_an_interest_that_is_not_true_is_deleted_and_not_inferred_again(client) -> None:
    desk.shop(9)
    interest = (
        Interest.objects.filter(customer__in=Customer.objects.order_by("pk")[:9])
        .select_related("customer")
        .first()
    )
    RefusedInterest.objects.all().delete()
    address = page("not_true", interest.customer) + f"?category={interest.category_id}"
    assert client.get(address).status_code == 200
    assert Interest.objects.filter(pk=interest.pk).exists(), "looking changes nothing"
    client.post(address)
    assert not Interest.objects.filter(pk=interest.pk).exists()
    assert RefusedInterest.objects.get().category_id == interest.category_id


def test_scores_are_deleted_by_whoever_may_change_the_person(client) -> None:
    desk.shop(9)
    score = Score.objects.select_related("customer").first()
    address = page("forget_scores", score.customer)
    client.get(address)
    assert Score.objects.filter(pk=score.pk).exists()
    client.post(address)
    assert not Score.objects.filter(pk=score.pk).exists()


def test_a_message_is_shown_as_it_was_sent_and_no_way_out_of_it_is_the_person_s(client) -> None:
    desk.shop(9)
    sent = Delivery.objects.filter(status="sent").select_related("customer", "decision__code").first()
    before = kept()
    told = client.get(page("message", sent.customer), {"delivery": sent.pk})
    again = told.context["again"]
    assert again.state.startswith("Sent: ")
    assert again.finished.subject
    assert sent.decision.offer.title in again.finished.text
    assert sent.decision.code is not None
    assert sent.decision.code.value not in told.content.decode(), "the code is a sample"
    assert str(sent.decision_id) not in told.content.decode()
    assert kept() == before
    another = Customer.objects.exclude(pk=sent.customer_id).first()
    assert client.get(page("message", another), {"delivery": sent.pk}).status_code == 302


def test_a_decision_says_in_words_why_its_person_got_it(client) -> None:
    row = desk.measured(desk.shop(40, control=10))
    link = "admin:campaigns_decision_change"
    for arm, words in (
        ("treated", "Drawn by lot to get it."),
        ("control", "Drawn by lot to get nothing, so that the effect can be measured."),
    ):
        decision = Decision.objects.filter(campaign=row, arm=arm, entry=None).order_by("pk")[0]
        answer = client.get(reverse(link, args=[decision.pk]))
        (section,) = answer.context["sections"]
        told = dict(section.rows)
        assert told["Control group"] == words
        assert told["Audience"] == f"In the segment “{decision.segment}”."
        assert f"ledger record {decision.consent_record_id}" in told["Consent"]
        # Above the row as it was kept.
        html = answer.content.decode()
        assert html.index("Why they got it") < html.index("Decided")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "arm", "name"),
    [
        ("en", "treated", "In the campaign · e-mail · 27 Nov 2026"),
        ("en", "control", "Held out for comparison · e-mail · 27 Nov 2026"),
        ("en", "holdout", "Held out of all campaigns · e-mail · 27 Nov 2026"),
        ("zh-hans", "control", "留作对照 · 电子邮件 · 2026年11月27日"),
    ],
)
def test_a_decision_is_named_in_words_of_the_readers_language(language: str, arm: str, name: str) -> None:
    row = Decision(arm=arm, placement="email", decided_at=datetime(2026, 11, 27, 12, tzinfo=UTC))
    with translation.override(language):
        assert str(row).startswith(name)
