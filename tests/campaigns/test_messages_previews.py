"""A message looked at as one person, and sent to oneself: everything is asked, and nothing is kept."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from campaigns import delivery, journeys, messages, previews, testing
from campaigns.messages import default_message
from campaigns.models import (
    CampaignRun,
    Code,
    Decision,
    Delivery,
    JourneyEntry,
    JourneyVersion,
    Message,
    Offer,
    Outcome,
)
from campaigns.testing import NotSent
from catalog.models import Product
from customers import consent
from customers.models import Customer, Event
from tests.campaigns.conftest import Sink, offer, people
from tests.campaigns.conftest import campaign as campaign
from tests.campaigns.conftest import message as message
from tests.campaigns.conftest import sink as sink
from tests.campaigns.test_journeys import did, enter
from tests.campaigns.test_journeys import journey as journey
from tests.campaigns.test_messages import Make, text_above
from tests.campaigns.test_messages import finished as finished
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def said(found: previews.Preview) -> dict[str, tuple[bool, str]]:
    return {verdict.name: (verdict.is_good, verdict.words) for verdict in found.verdicts}


def nothing_is_kept() -> None:
    assert not Decision.objects.exists()
    assert not Delivery.objects.exists()
    assert not Code.objects.exclude(customer=None).exists()
    assert not Event.objects.exists()
    assert not Outcome.objects.exists()
    assert {row.given for row in Offer.objects.all()} <= {0}


def test_a_preview_asks_everything_and_keeps_nothing(campaign, message) -> None:
    (pk,) = people(1)
    ten = offer("ten", title="Ten percent", max_total=1, minimum_amount=Decimal(20))
    row = campaign(ten)
    found = previews.preview(message, Customer.objects.get(pk=pk), at=NOW, campaign=row)
    assert found.finished is not None
    assert found.finished.subject == "10 % off for you, C000"
    assert found.offers == ["Ten percent"]
    assert "SAMPLE-CODE" in found.finished.html
    assert said(found) == {
        "Audience": (True, "In the segment “Everyone”."),
        "Consent": (True, "Allows it."),
        "Group by lot": (True, "Gets the campaign."),
        "Frequency": (True, "No cap stands against it."),
        "Offer": (True, "Would get: Ten percent."),
    }
    nothing_is_kept()


def test_a_preview_never_shows_a_code_of_the_pool_nor_a_way_out_that_works(campaign, message) -> None:
    (pk,) = people(1)
    pool = offer("pool", code_kind=Offer.CodeKind.POOL)
    Code.objects.create(offer=pool, value="REAL-SECRET")
    found = previews.preview(message, Customer.objects.get(pk=pk), at=NOW, campaign=campaign(pool))
    assert found.finished is not None
    whole = found.finished.html + found.finished.text + str(found.finished.headers)
    assert "REAL-SECRET" not in whole
    assert "/unsubscribe/sample/" in whole
    assert "/o/" not in whole
    assert "/c/" not in whole
    assert Code.objects.get().state == Code.State.FREE
    nothing_is_kept()


def test_verdicts_say_why_somebody_would_get_nothing(campaign, message) -> None:
    (pk,) = people(1, allows=("personalization",))
    row = campaign(rule={"attribute": "country", "is": "FR"}, control_percent=Decimal("99.99"))
    found = said(previews.preview(message, Customer.objects.get(pk=pk), at=NOW, campaign=row))
    assert found["Audience"] == (False, "In none of the campaign's segments.")
    assert found["Consent"] == (False, "Does not allow it: gets nothing.")
    assert found["Group by lot"][0] is False
    assert "Offer" not in found


def test_samples_are_the_newest_who_allow_it(db) -> None:
    quiet = people(2, allows=("marketing_email",), prefix="q")
    open_ = people(5, prefix="o")
    found = [customer.pk for customer in previews.sample_people(at=NOW)]
    assert found == [*reversed(open_)][:3]
    assert not set(found) & set(quiet)
    consent.withdraw(open_[-1], "marketing_email", method="page", source="t", actor="customer", at=NOW)
    assert previews.sample_people(at=NOW)[0].pk == open_[-2]


# --- in a journey ------------------------------------------------------------------------------------------------


def test_a_journeys_message_is_shown_as_its_step_would_give_it(journey, message) -> None:
    (pk,) = people(1)
    message.body = "{{ cause_block }}{% for offer in offers %}{{ offer.title }}{% endfor %}"
    message.save()
    ten = offer("ten", title="Ten percent", minimum_amount=Decimal(20))
    row = journey()
    row.audiences.get().offers.set([ten])
    enter(row, pk)
    found = previews.preview(message, Customer.objects.get(pk=pk), at=NOW, campaign=row)
    assert found.finished is not None
    assert found.offers == ["Ten percent"]
    assert "Red rose bush" in found.finished.html
    assert "Ten percent" in found.finished.html
    assert [verdict.is_good for verdict in found.verdicts] == [True] * 6
    assert "at the step “hello”" in said(found)["Journey"][1]
    assert said(found)["Audience"] == (True, "Entered by the segment “Everyone”.")
    assert not Decision.objects.exists()
    assert not Delivery.objects.exists()
    assert JourneyEntry.objects.get().state == "waiting"


def test_who_is_not_on_the_way_is_shown_the_basket_that_would_call_them(journey, message) -> None:
    (pk,) = people(1)
    message.body = "{{ cause_block }}"
    message.save()
    row = journey()
    did(pk, "added", at=NOW - timedelta(hours=1), sku="mug")
    found = previews.preview(message, Customer.objects.get(pk=pk), at=NOW, campaign=row)
    assert "Blue mug" in found.finished.html
    assert said(found)["Journey"] == (True, "Not on the way: shown as if the journey called them now.")
    assert not JourneyEntry.objects.exists()


def test_a_preview_says_what_of_a_journey_keeps_the_message_back(journey, message) -> None:
    (anna,), (boris,) = people(1), people(1, allows=("marketing_email",), prefix="b")
    row = journey()
    enter(row, anna)
    did(anna, "ordered", at=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=2)
    found = previews.preview(message, Customer.objects.get(pk=anna), at=later, campaign=row)
    assert (False, "Has done what the journey is for, and leaves it before the next message.") in [
        (verdict.is_good, verdict.words) for verdict in found.verdicts
    ]
    journeys.advance_all(at=later)
    found = previews.preview(message, Customer.objects.get(pk=anna), at=later, campaign=row)
    assert said(found)["Journey"] == (False, "Has been through it, and nobody enters twice.")
    found = previews.preview(message, Customer.objects.get(pk=boris), at=later, campaign=row)
    assert said(found)["Journey"] == (
        False,
        "Does not allow “personalization”, which this journey rests on.",
    )


def test_the_desk_offers_the_journeys_that_say_a_message(client, journey, message, marta) -> None:
    people(1)
    row = journey()
    other = Message.objects.create(**{**default_message(), "slug": "other", "name": "Other"})
    client.force_login(marta)

    def campaigns(one: Message) -> list[int]:
        url = reverse("admin:campaigns_message_preview", args=[one.pk])
        return [campaign.pk for campaign in client.get(url).context["campaigns"]]

    assert campaigns(message) == [row.pk]
    assert campaigns(other) == []


# --- a test to oneself -------------------------------------------------------------------------------------------


@pytest.fixture
def marta(db) -> User:
    return User.objects.create_superuser("marta", "marta@shop.example", "a long enough password")


def test_a_test_goes_to_one_s_own_address_marked_and_without_anybody_s_data(
    message, marta, sink: Sink, products
) -> None:
    people(3)
    offer("ten", title="Ten percent")
    testing.send(message, to="marta@shop.example", by=marta, language="en", at=NOW)
    assert sink.recipients() == ["marta@shop.example"]
    (mail,) = sink.mails()
    assert mail["Subject"] == "[Test] 10 % off for you, Anna"
    assert mail["List-Unsubscribe"] is None
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_body(("plain",)).get_content()
    whole = text + mail.get_body(("html",)).get_content()
    assert "TEST-CODE" in whole
    assert "/unsubscribe/sample/" in whole
    assert "C00" not in whole
    assert "/c/" not in whole
    assert "/o/" not in whole
    nothing_is_kept()


@pytest.mark.parametrize("to", ["c000@mail.example", "", "marta@shop.example,c000@mail.example"])
def test_a_test_never_goes_to_anybody_else(message, marta, sink: Sink, to: str) -> None:
    people(1)
    with pytest.raises(NotSent, match="your own address"):
        testing.send(message, to=to, by=marta, language="en", at=NOW)
    assert sink.recipients() == []


def test_who_is_no_member_of_staff_sends_no_test(message, sink: Sink) -> None:
    user = User.objects.create_user("guest", "guest@shop.example", "a long enough password")
    assert testing.addresses(user) == []
    with pytest.raises(NotSent):
        testing.send(message, to="guest@shop.example", by=user, language="en", at=NOW)
    assert sink.recipients() == []


def test_the_shop_s_test_mailboxes_may_be_tried_too(message, marta, sink: Sink, settings) -> None:
    settings.TEST_ADDRESSES = ["inbox@shop.example", "marta@shop.example"]
    assert testing.addresses(marta) == ["marta@shop.example", "inbox@shop.example"]
    testing.send(message, to="inbox@shop.example", by=marta, language="zh-hans", at=NOW)
    assert sink.mails()[0]["Subject"].startswith("[Test] 为您精选")


def test_a_message_that_cannot_be_made_says_so_and_goes_nowhere(marta, sink: Sink) -> None:
    broken = Message.objects.create(slug="b", name="B", subject="{{ nothing }}", body="x")
    with pytest.raises(NotSent, match="cannot be made"):
        testing.send(broken, to="marta@shop.example", by=marta, language="en", at=NOW)
    assert sink.recipients() == []


# --- several offers, and what began a journey -----------------------------------------------------------------------


def test_every_slot_and_the_cause_of_a_journey_are_in_the_message_by_a_handful_of_queries(
    campaign, products: dict[str, Product], django_assert_num_queries
) -> None:
    ids = people(4)
    offers = [offer("one", title="One"), offer("two", title="Two")]
    body = "{{ offers_block }}|{{ offer_block }}|{{ cause_block }}|{% for o in offers %}{{ o.title }} {% endfor %}"
    row = Message.objects.create(slug="slots", name="S", subject="S", body=body)
    spring = campaign(message=row)
    version = JourneyVersion.objects.create(campaign=spring, number=1, definition={})
    run = CampaignRun.objects.get(campaign=spring)
    for pk in ids:
        entry = JourneyEntry.objects.create(
            campaign=spring, version=version, customer_id=pk, key=f"e{pk}", step="s", entered_at=NOW,
            cause={"skus": ["mug", "gone"]},
        )  # fmt: skip
        rows = [
            Decision.objects.create(
                campaign=spring, run=run, customer_id=pk, entry=entry, slot=slot, offer=given, placement="email",
                purpose="marketing_email", basis="default", decided_at=NOW, expires_at=NOW + timedelta(days=3),
            )
            for slot, given in enumerate(offers)
        ]  # fmt: skip
        Delivery.objects.create(
            decision=rows[0],
            run=run,
            entry=entry,
            customer_id=pk,
            channel="email",
            content=row,
            not_before=NOW,
        )
    loaded = delivery.load(list(Delivery.objects.values_list("pk", flat=True)))
    with django_assert_num_queries(4):
        page = messages.page_of(loaded, at=NOW)
        made = [messages.finish(one, one.content, page) for one in loaded]
    for one in made:
        parts = [" ".join(part.split()) for part in text_above(one).split("|")]
        assert parts[0].count("10 % off") == 2
        assert "One" in parts[1]
        assert "Two" not in parts[1]
        assert parts[2] == "Blue mug (https://testserver/shop/mug) €8.00"
        assert parts[3] == "One Two"


def test_what_is_sold_out_is_not_shown(finished: Make, anna: Customer) -> None:
    Product.objects.filter(sku="mug").update(in_stock=False)
    found = finished({**default_message(), "body": "{{ products_block }}"}, anna, skus=("mug", "rose"))
    assert text_above(found) == "Red rose bush (https://testserver/shop/rose) €12.50"
