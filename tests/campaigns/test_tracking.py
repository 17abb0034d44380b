"""Links, pictures and the footer of a message that was really sent: U1, U3, U5, C12 and where a click may lead."""

import re
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from campaigns import delivery, links, outcomes, planning
from campaigns.models import Decision, Delivery, Outcome
from customers import consent, encryption, events, privacy
from customers.links import preferences_url
from customers.models import Customer, Event
from tests.campaigns.conftest import Sink, people
from tests.campaigns.conftest import offer as an_offer
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
TARGET = "https://shop.example/p/1?a=b&c=%C3%BC"


@pytest.fixture
def decision(anna: Customer) -> Decision:
    return Decision.objects.create(
        customer=anna, placement="email", purpose="marketing_email", basis="default", decided_at=NOW
    )


def path(url: str) -> str:
    return urlsplit(url).path


def test_a_click_leads_to_its_target_and_is_kept_with_its_decision(
    decision: Decision, client: Client
) -> None:
    answer = client.get(path(links.click_url(decision.pk, TARGET)), headers={"user-agent": "Firefox"})
    assert (answer.status_code, answer["Location"]) == (302, TARGET)
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies
    event = Event.objects.get()
    assert (event.customer_id, event.type) == (decision.customer_id, "clicked")
    assert event.context == {"decision": str(decision.pk), "url": TARGET, "user_agent": "Firefox"}
    outcomes.credit_all(at=timezone.now())
    assert Outcome.objects.get(event=event).decision == decision


def test_a_double_click_is_one_click_and_two_links_are_two(decision: Decision, client: Client) -> None:
    for target in (TARGET, TARGET, "https://shop.example/p/2"):
        client.get(path(links.click_url(decision.pk, target)))
    assert Event.objects.count() in (2, 3)  # three only if the second hand moved between the two


@pytest.mark.parametrize("name", ["boris", "clara"])
def test_c2_without_leave_the_click_leads_on_and_nothing_is_kept(name: str, request, client: Client) -> None:
    somebody = request.getfixturevalue(name)
    row = Decision.objects.create(
        customer=somebody, placement="email", purpose="marketing_email", basis="default", decided_at=NOW
    )
    assert client.get(path(links.click_url(row.pk, TARGET)))["Location"] == TARGET
    assert client.get(path(links.pixel_url(row.pk))).status_code == 200
    assert not Event.objects.exists()


def test_c13_a_browser_that_says_it_wants_no_tracking_is_believed(decision: Decision, client: Client) -> None:
    answer = client.get(path(links.click_url(decision.pk, TARGET)), headers={"sec-gpc": "1"})
    assert answer["Location"] == TARGET
    assert not Event.objects.exists()


def test_a_click_leads_on_for_an_erased_person_and_an_unknown_decision(
    decision: Decision, client: Client
) -> None:
    url = path(links.click_url(decision.pk, TARGET))
    privacy.erase(decision.customer_id, actor="tests", at=timezone.now())
    assert client.get(url)["Location"] == TARGET
    assert client.get(path(links.click_url(uuid.uuid4(), TARGET)))["Location"] == TARGET
    assert not Event.objects.exists()
    assert Customer.objects.count() == 1


def test_a_click_leads_on_while_the_database_is_in_trouble(
    decision: Decision, client: Client, monkeypatch
) -> None:
    def broken(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr(events, "take_in", broken)
    assert client.get(path(links.click_url(decision.pk, TARGET)))["Location"] == TARGET


def test_u4_a_click_leads_nowhere_but_where_its_own_token_says(decision: Decision, client: Client) -> None:
    url = path(links.click_url(decision.pk, TARGET))
    flipped = url[:20] + ("A" if url[20] != "A" else "B") + url[21:]
    other_kind = "/c/" + encryption.opaque_token("open", b'["00","https://evil.example/"]')
    script = path(links.click_url(decision.pk, "javascript:alert(1)"))
    for wrong in (flipped, other_kind, script, "/c/https://evil.example/", "/c/x?u=https://evil.example/"):
        assert client.get(wrong).status_code == 404
    assert client.get(url + "?u=https://evil.example/")["Location"] == TARGET


def test_a_long_target_is_no_obstacle(decision: Decision, client: Client) -> None:
    target = "https://shop.example/" + "x" * 4000
    assert client.get(path(links.click_url(decision.pk, target)))["Location"] == target


def test_head_and_post_are_no_clicks(decision: Decision, client: Client) -> None:
    url = path(links.click_url(decision.pk, TARGET))
    assert client.head(url).status_code == 302
    assert client.post(url).status_code == 405
    assert not Event.objects.exists()


def test_an_open_is_kept_once_a_day(decision: Decision, client: Client) -> None:
    url = path(links.pixel_url(decision.pk))
    for _again in range(3):
        answer = client.get(url)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
        assert answer.content.startswith(b"GIF89a")
    assert Event.objects.get().type == "opened"
    Event.objects.update(message_id="yesterday")
    client.get(url)
    assert Event.objects.count() == 2


@pytest.mark.parametrize("url", ["/o/x.gif", "/o/.gif", "/o/x"])
def test_a_wrong_picture_is_a_404(db: None, client: Client, url: str) -> None:
    assert client.get(url).status_code == 404


def test_u1_u3_u5_the_sent_mail_s_own_links_work(campaign, sink: Sink, client: Client) -> None:
    [person] = people(1)
    made = campaign(an_offer("spring"))
    planning.plan_due(at=NOW)
    delivery.deliver_all(clock=lambda: NOW + timedelta(minutes=1))
    [mail] = sink.mails()
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    one_click = re.fullmatch(r"<(http\S+)>", mail["List-Unsubscribe"])
    assert one_click is not None
    html = mail.get_body(("html",)).get_content()
    assert one_click.group(1) in html
    clicked = re.search(r'href="https://testserver(/c/[^"]+)"', html)
    pixel = re.search(r'src="https://testserver(/o/[^"]+)"', html)
    if clicked is not None:
        assert client.get(clicked.group(1)).status_code == 302
    assert pixel is not None
    assert client.get(pixel.group(1)).status_code == 200
    assert Event.objects.filter(type="opened").exists()
    seen = client.get(path(preferences_url(Customer.objects.select_related("key").get(pk=person))))
    assert b"Spring" in seen.content
    answer = Client(enforce_csrf_checks=True).post(
        path(one_click.group(1)),
        "List-Unsubscribe=One-Click",
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 200
    assert not consent.permitted("marketing_email").filter(pk=person).exists()
    assert made.runs.get().state
    assert Delivery.objects.get().status == "sent"


def test_c12_a_no_before_the_sending_holds_the_planned_message_back(
    campaign, sink: Sink, client: Client, time_machine
) -> None:
    time_machine.move_to(NOW)
    people(2)
    campaign(an_offer("spring"))
    planning.plan_due(at=NOW)
    first = Delivery.objects.select_related("customer__key").order_by("pk")[0]
    client.post(path(preferences_url(first.customer)), {"action": "stop"})
    later = timezone.now() + timedelta(minutes=1)
    delivery.deliver_all(clock=lambda: later)
    first.refresh_from_db()
    assert (first.status, first.reason) == ("suppressed", "no_consent")
    assert len(sink.mails()) == 1


def test_c3_d2_erasure_before_the_sending_holds_the_planned_message_back(
    campaign, sink: Sink, time_machine
) -> None:
    time_machine.move_to(NOW)
    ids = people(2)
    campaign(an_offer("spring"))
    planning.plan_due(at=NOW)
    privacy.erase(ids[0], actor="tests", at=timezone.now())
    later = timezone.now() + timedelta(minutes=1)
    delivery.deliver_all(clock=lambda: later)
    assert sink.recipients() == ["c001@mail.example"]
