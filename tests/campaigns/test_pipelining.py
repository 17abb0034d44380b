"""MAIL, RCPT and DATA in one breath, with servers that take them so: the same fates as one by one."""

import socket
from collections.abc import Callable, Iterator

import pytest
from aiosmtpd.controller import Controller

from campaigns import delivery, planning
from campaigns.models import Campaign, Delivery
from customers.models import Suppression
from tests.conftest import NOW, person

pytestmark = pytest.mark.django_db
Make = Callable[..., Campaign]


class Server:
    """Says that it takes commands in one breath, answers as it is told, and keeps what it took in."""

    def __init__(self) -> None:
        self.mail, self.rcpt, self.data = "250 OK", "250 OK", "250 OK"
        self.breaths: list[bytes] = []
        self.took: list[str] = []

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        # What has come already is what the client said without waiting for this answer.
        self.breaths.append(bytes(server._reader._buffer))
        if self.mail.startswith("2"):
            envelope.mail_from = address
        return self.mail

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        said = "550 5.1.1 no such user" if address.startswith("nobody-") else self.rcpt
        if said.startswith("2"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.took += envelope.rcpt_tos
        return self.data


@pytest.fixture
def server(settings) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = Server()
    controller = Controller(found, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
    yield found
    controller.stop()


def sent(campaign: Make, *names: str) -> dict[str, int]:
    for name in names:
        person(name, allows=["marketing_email"])
    campaign()
    planning.plan_due(at=NOW)
    return dict(delivery.deliver_all(clock=lambda: NOW))


def test_the_three_commands_go_in_one_breath(campaign: Make, server: Server) -> None:
    assert sent(campaign, "a", "b") == {"sent": 2}
    assert sorted(server.took) == ["a@mail.example", "b@mail.example"]
    assert all(breath.startswith(b"RCPT TO:<") and breath.endswith(b"DATA\r\n") for breath in server.breaths)


def test_who_is_refused_stops_nobody_else(campaign: Make, server: Server) -> None:
    assert sent(campaign, "a", "nobody-1", "z") == {"sent": 2, "failed": 1}
    assert Suppression.objects.get().reason == "hard_bounce"
    assert Delivery.objects.get(status="failed").detail == "550 5.1.1 no such user"
    assert sorted(server.took) == ["a@mail.example", "z@mail.example"]


@pytest.mark.parametrize(
    ("answers", "fate", "detail"),
    [
        ({"mail": "451 4.3.0 not now"}, "retry", "451 4.3.0 not now"),
        ({"mail": "550 5.7.1 not you"}, "failed", "550 5.7.1 not you"),
        ({"rcpt": "450 4.2.1 not now"}, "retry", "450 4.2.1 not now"),
        ({"data": "554 5.6.0 not this"}, "failed", "554 5.6.0 not this"),
    ],
)
def test_the_first_no_is_the_one_that_counts(
    campaign: Make, server: Server, answers: dict[str, str], fate: str, detail: str
) -> None:
    vars(server).update(answers)
    assert sent(campaign, "a") == {fate: 1}
    row = Delivery.objects.get()
    assert (row.status, row.detail) == (fate, detail)
    assert not Suppression.objects.exists()
