"""A browser's Global Privacy Control at every door: C13."""

from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import links as message_links
from campaigns.models import Decision
from customers import consent, gpc, links
from customers.models import ConsentRecord, Customer, Event, Identity
from customers.purposes import PURPOSES
from tests.conftest import Caller, person

pytestmark = pytest.mark.django_db
ON = {"Sec-GPC": "1"}
EVENT = {"message_id": "m1", "type": "viewed", "sku": "rose", "occurred_at": "2026-11-01T10:00:00Z"}


def refused(customer: Customer) -> set[str]:
    return {p for p in PURPOSES if not consent.verdicts([customer.pk], p)[customer.pk].allowed}


def signals(customer: Customer) -> list[ConsentRecord]:
    return list(ConsentRecord.objects.filter(customer_id=customer.pk, method="Sec-GPC"))


def test_c13_a_visitor_s_signal_is_written_down_before_their_first_event(browser, products) -> None:
    answer = browser("")("POST", "events", {**EVENT, "type": "ordered", "anonymous_id": "v1"}, **ON)
    assert answer.body["gpc"] == "honoured"
    assert answer.headers["GPC"] == "honoured"
    visitor = Identity.objects.get(value="v1").customer
    assert {record.purpose for record in signals(visitor)} == set(gpc.PURPOSES)
    event = Event.objects.get()
    assert max(record.at for record in signals(visitor)) <= event.received_at


@pytest.mark.parametrize("value", ["0", "true", "11", "yes", ""])
def test_c13_anything_but_exactly_1_is_no_signal(browser, anna: Customer, value: str) -> None:
    answer = browser("anna")("POST", "events", {**EVENT, "customer": "anna"}, **{"Sec-GPC": value})
    assert "gpc" not in answer.body
    assert "GPC" not in answer.headers
    assert signals(anna) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "recommendations?customer=anna"),
        ("GET", "offers?customer=anna&placement=home"),
        ("GET", "customers/anna/consents"),
        ("GET", "notices?language=en"),
        ("GET", "products/rose"),
    ],
)
def test_c13_a_proven_customer_s_signal_is_heard_at_every_door_of_the_api(
    browser, anna: Customer, products, method: str, path: str
) -> None:
    answer = browser("anna")(method, path, **ON)
    assert answer.status == 200
    assert answer.headers["GPC"] == "honoured"
    assert refused(anna) == set(gpc.PURPOSES)
    if path.startswith("recommendations"):
        assert answer.body["personalized"] is False, "before the answer, not after it"
    browser("anna")(method, path, **ON)
    assert len(signals(anna)) == len(gpc.PURPOSES), "said again, it adds nothing"


def test_c13_a_yes_in_the_same_breath_as_the_signal_is_not_taken(browser, boris: Customer) -> None:
    said = {"granted": True, "language": "en", "method": "checkbox", "source": "shop"}
    for purpose in PURPOSES:
        body = {**said, "purpose": purpose, "notice": f"{purpose}@1"}
        answer = browser("boris")("POST", "customers/boris/consents", body, **ON)
        assert answer.status == (422 if purpose in gpc.PURPOSES else 201)
    assert refused(boris) == set(gpc.PURPOSES)


def decision(customer: Customer) -> Decision:
    mail = consent.verdicts([customer.pk], "marketing_email")[customer.pk]
    return Decision.objects.create(
        customer=customer, placement="email", purpose="marketing_email", basis="consent",
        consent_record_id=mail.record_id, decided_at=timezone.now() - timedelta(hours=1),
    )  # fmt: skip


def test_c13_a_click_and_an_open_with_the_signal_are_a_no_and_leave_no_event(
    anna: Customer, client: Client
) -> None:
    chosen = decision(anna)
    for url in (
        message_links.click_url(chosen.pk, "https://shop.example/rose"),
        message_links.pixel_url(chosen.pk),
    ):
        path = url.removeprefix("https://testserver")
        answer = client.get(path, headers={"sec-gpc": "1"})
        assert answer.status_code in (200, 302)
        assert answer.headers["GPC"] == "honoured"
    assert refused(anna) == set(gpc.PURPOSES)
    assert len(signals(anna)) == 2
    assert not Event.objects.exists()


def test_c13_on_a_person_s_page_what_acts_hears_it_and_what_looks_changes_nothing(
    anna: Customer, client: Client
) -> None:
    path = links.preferences_url(anna).removeprefix("https://testserver")
    for method in (client.get, client.head, client.options):
        method(path, headers={"sec-gpc": "1"})
    assert refused(anna) == set(), "U2: a scanner may look as often as it likes"
    shown = [f"{purpose} {purpose}@1 en" for purpose in PURPOSES]
    answer = client.post(
        path, {"action": "save", "shown": shown, "on": list(PURPOSES)}, headers={"sec-gpc": "1"}
    )
    assert answer.headers["GPC"] == "honoured"
    assert refused(anna) == set(gpc.PURPOSES), "the switch does not undo the signal of the same request"


def page_of(client: Client, customer: Customer, language: str = "en", **headers: str) -> str:
    path = links.preferences_url(customer).removeprefix("https://testserver")
    return unescape(client.get(path, {"language": language}, headers=headers).content.decode())


def test_c13_the_page_says_that_it_was_the_browser_and_how_to_say_otherwise(
    browser, anna: Customer, client: Client
) -> None:
    assert "Global Privacy Control" not in page_of(client, anna)
    before = page_of(client, anna, **{"sec-gpc": "1"})
    assert before.count("Your browser says no to it: that counts as soon as you save") == len(gpc.PURPOSES)
    browser("anna")("GET", "products/none", **ON)
    still = page_of(client, anna, **{"sec-gpc": "1"})
    assert still.count("Your browser said no on ") == len(gpc.PURPOSES)
    assert still.count("Your browser still says no to it, so it stays off.") == len(gpc.PURPOSES)
    assert "switch the signal off for this site" in still
    after = page_of(client, anna)
    assert after.count("If you want it, turn it on and save.") == len(gpc.PURPOSES)
    assert "switch the signal off" not in after
    assert "You said yes on " in after, "of the other purposes it was the person"


def test_c13_a_switch_that_the_signal_keeps_off_is_said_to_stay_off(anna: Customer, client: Client) -> None:
    path = links.preferences_url(anna).removeprefix("https://testserver")
    wish = {"action": "save", "shown": "personalization personalization@1 en", "on": "personalization"}
    for action in ("save", "choose"):
        answer = client.post(path, {**wish, "action": action}, headers={"sec-gpc": "1"}).content.decode()
        assert "What your browser says no to stayed off." in answer
    assert (
        "stayed off" not in client.post(path, {"action": "save"}, headers={"sec-gpc": "1"}).content.decode()
    )
    assert refused(anna) == set(gpc.PURPOSES)


def test_c13_a_yes_after_the_signal_counts_until_the_browser_says_no_again(
    anna: Customer, client: Client
) -> None:
    path = links.preferences_url(anna).removeprefix("https://testserver")
    wish = {"action": "save", "shown": "personalization personalization@1 en", "on": "personalization"}
    client.post(path, {"action": "save"}, headers={"sec-gpc": "1"})
    client.post(path, wish)
    assert refused(anna) == {"partner_sharing"}
    page = page_of(client, anna)
    assert page.count("Your browser said no on ") == 1
    client.post(path, {"action": "save"}, headers={"sec-gpc": "1"})
    assert refused(anna) == set(gpc.PURPOSES)


def test_c13_what_the_consent_widget_heard_of_the_signal_is_told_as_the_browser_s(
    anna: Customer, client: Client
) -> None:
    consent.withdraw(
        anna.pk, "partner_sharing", method=gpc.METHODS[1], source="shop", actor="browser", at=timezone.now()
    )
    assert page_of(client, anna).count("Your browser said no on ") == 1
    consent.withdraw(anna.pk, "partner_sharing", method="page", source="t", actor="anna", at=timezone.now())
    assert "Your browser said no on " not in page_of(client, anna)


def test_c13_the_signal_of_one_person_is_nobody_else_s(browser, anna: Customer) -> None:
    dora = person("dora", allows=list(PURPOSES))
    browser("anna")("POST", "events", {**EVENT, "customer": "anna"}, **ON)
    assert refused(dora) == set()


def test_c13_a_server_that_relays_the_signal_is_heard_for_those_it_names(
    server: Caller, anna: Customer
) -> None:
    assert server("POST", "events", {**EVENT, "customer": "anna"}, **ON).body["gpc"] == "honoured"
    assert refused(anna) == set(gpc.PURPOSES)
    assert "GPC" not in server("GET", "notices", **ON).headers, "nobody is named, nothing is written"
