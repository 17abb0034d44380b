"""How fast each domain is written to: by hand, by what its answers taught, and never at the cost of the others."""

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller

from campaigns import delivery, pace, planning
from campaigns.models import Campaign, Delivery, DomainPace
from campaigns.pace import EVERYWHERE, Paces
from tests.campaigns.conftest import Sink
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def planned(campaign: Make, *addresses: str) -> None:
    for n, address in enumerate(addresses):
        person(f"p{n}", allows=["marketing_email"], email=address)
    campaign()
    planning.plan_due(at=NOW)


def waits() -> list[tuple[str, int, int]]:
    """(status, attempt, minutes from now) of each message, in order."""
    rows = Delivery.objects.order_by("pk").values_list("status", "attempt", "not_before")
    return [(status, attempt, round((moment - NOW) / MINUTE)) for status, attempt, moment in rows]


def row(domain: str) -> DomainPace:
    return DomainPace.objects.get(domain=domain)


def test_a_limit_set_by_hand_is_kept_and_the_others_go_on(campaign: Make, sink: Sink) -> None:
    planned(campaign, *(f"a{n}@slow.example" for n in range(7)), "b@fast.example")
    DomainPace.objects.create(domain="slow.example", per_minute=2)
    assert delivery.deliver_all(clock=lambda: NOW) == {"sent": 3, "retry": 5}
    # Two a minute: who did not get in is spread over the minutes to come, and it was not one of their tries.
    assert waits() == [
        *[("sent", 1, 0)] * 2,
        *[("retry", 0, 1)] * 2,
        *[("retry", 0, 2)] * 2,
        ("retry", 0, 3),
        ("sent", 1, 0),
    ]
    for minute in (1, 2):
        assert delivery.deliver_all(clock=lambda minute=minute: NOW + minute * MINUTE) == {"sent": 2}
    assert delivery.deliver_all(clock=lambda: NOW + 3 * MINUTE) == {"sent": 1}


def test_a_paused_domain_s_messages_wait_without_a_line_being_opened(campaign: Make, settings) -> None:
    planned(campaign, "a@slow.example")
    DomainPace.objects.create(domain="slow.example", paused_until=NOW + 7 * MINUTE)
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    assert delivery.deliver_all(clock=lambda: NOW) == {"retry": 1}
    assert waits() == [("retry", 0, 7)]
    assert Delivery.objects.get().detail == ""


def test_u7_a_domain_that_says_later_is_slowed_down_then_paused_and_the_others_go_on(
    campaign: Make, sink: Sink
) -> None:
    planned(campaign, *(f"busy-{n}@slow.example" for n in range(4)), "fine@fast.example")
    assert delivery.deliver_all(clock=lambda: NOW) == {"retry": 4, "sent": 1}
    # The first answer halves, the second halves again and pauses; the other two are not even tried.
    assert [attempt for _status, attempt, _wait in waits()] == [1, 1, 0, 0, 1]
    slow = row("slow.example")
    assert (slow.slowed_to, slow.paused_until, slow.last_answer) == (
        30,
        NOW + MINUTE,
        "451 4.3.0 try again later",
    )
    assert sink.recipients() == ["fine@fast.example"]


def test_u7_one_full_mailbox_says_nothing_of_its_domain(campaign: Make, answering) -> None:
    answering("452 4.2.2 mailbox full")
    planned(campaign, "a@slow.example")
    assert delivery.deliver_all(clock=lambda: NOW) == {"retry": 1}
    assert not DomainPace.objects.exists()


def test_each_pause_is_twice_the_last_down_to_a_floor_and_it_grows_back_by_itself() -> None:
    at, seen = NOW, []
    for _ in range(9):
        pace.slow("slow.example", "451 later", at=at)
        found = row("slow.example")
        pause = (found.paused_until - at) / MINUTE if found.paused_until else 0
        seen.append((found.slowed_to, pause))
        at = found.paused_until or at + SECOND
    assert seen == [(60, 0), (30, 1), (15, 2), (7, 4), (5, 8), (5, 16), (5, 32), (5, 60), (5, 60)]
    end = row("slow.example").paused_until
    assert end is not None
    assert pace.limit(row("slow.example"), end + 9 * MINUTE) == 5
    assert pace.limit(row("slow.example"), end + 10 * MINUTE) == 10
    assert pace.limit(row("slow.example"), end + 70 * MINUTE) == 640
    assert pace.limit(row("slow.example"), end + 80 * MINUTE) is None
    # Slowed down again long after, it begins anew.
    pace.slow("slow.example", "451 later", at=end + 90 * MINUTE)
    assert (row("slow.example").slowed_to, row("slow.example").paused_until) == (60, None)


def test_what_was_taught_never_goes_beyond_what_was_set_by_hand() -> None:
    DomainPace.objects.create(domain="slow.example", per_minute=8)
    pace.slow("slow.example", "451 later", at=NOW)
    assert pace.limit(row("slow.example"), NOW) == 5
    assert pace.limit(row("slow.example"), NOW + 60 * MINUTE) == 8


def test_an_answer_is_kept_without_the_address_it_names() -> None:
    pace.slow("slow.example", "450 4.7.1 <anna.b@slow.example>: greylisted", at=NOW)
    assert row("slow.example").last_answer == "450 4.7.1 <…>: greylisted"


def test_a_domain_of_which_nothing_was_heard_for_long_is_forgotten_unless_set_by_hand() -> None:
    for n, domain in enumerate(("old.example", "hand.example", "new.example")):
        pace.slow(domain, "451 later", at=NOW + n * timedelta(seconds=1))
    DomainPace.objects.filter(domain="hand.example").update(per_minute=9)
    DomainPace.objects.exclude(domain="new.example").update(changed_at=NOW - timedelta(days=31))
    pace.slow("another.example", "451 later", at=NOW)
    kept = set(DomainPace.objects.values_list("domain", flat=True))
    assert kept == {"hand.example", "new.example", "another.example"}


def test_several_pages_together_never_take_more_than_a_minute_s_share() -> None:
    DomainPace.objects.create(domain="slow.example", per_minute=25)
    pages = [Paces() for _ in range(4)]
    for minute in range(3):
        at = NOW + minute * MINUTE
        went = sum(page.wait("slow.example", at=at) is None for _ in range(20) for page in pages)
        assert went == 25
    assert row("slow.example").sent_in_window == 25


def test_what_a_page_reserved_and_did_not_use_is_given_back(django_assert_num_queries) -> None:
    DomainPace.objects.create(domain="slow.example", per_minute=600)
    page = Paces()
    with django_assert_num_queries(1):  # sixty are reserved at once
        assert [page.wait("slow.example", at=NOW) for _ in range(50)] == [None] * 50
    assert row("slow.example").sent_in_window == 60
    page.release()
    assert row("slow.example").sent_in_window == 50


# --- what is said to everybody ------------------------------------------------------------------------------------


class Saying:
    """A server that gives one answer to every body."""

    def __init__(self) -> None:
        self.answer, self.heard = "", 0

    async def handle_DATA(self, *_about: object) -> str:  # noqa: N802
        self.heard += 1
        return self.answer


@pytest.fixture
def answering(settings) -> Iterator[Callable[[str], Saying]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    handler = Saying()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"

    def say(answer: str) -> Saying:
        handler.answer = answer
        return handler

    yield say
    controller.stop()


def test_u7_throttling_slows_everybody_down_and_is_never_a_failure(campaign: Make, answering) -> None:
    server = answering("454 4.7.0 Throttling failure: Maximum sending rate exceeded")
    planned(campaign, "a@one.example", "b@two.example")
    at = NOW
    for _ in range(8):
        assert delivery.deliver_all(clock=lambda at=at: at) == {"retry": 2}
        assert {attempt for _status, attempt, _wait in waits()} == {0}
        at = max(Delivery.objects.values_list("not_before", flat=True))
    assert server.heard == 8  # one a time: the other heard that everybody waits
    assert row(EVERYWHERE).slowed_to == 5
    server.answer = "250 OK"
    assert delivery.deliver_all(clock=lambda: at) == {"sent": 2}


def test_u7_a_domain_s_421_pauses_it_at_once(campaign: Make, answering) -> None:
    answering("421 4.7.0 too many of you")
    planned(campaign, "a@one.example", "b@one.example")
    assert delivery.deliver_all(clock=lambda: NOW) == {"retry": 2}
    assert (row("one.example").slowed_to, row("one.example").paused_until) == (60, NOW + MINUTE)
    assert [attempt for _status, attempt, _wait in waits()] == [1, 0]
