"""A small running shop: people, products, offers, a message, a campaign, and a real SMTP server."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from campaigns import lifecycle
from campaigns.management.commands.mail_sink import Outbox
from campaigns.messages import default_message
from campaigns.models import Campaign, CampaignSegment, Message, Offer, Segment
from catalog.models import Category, Product
from customers import consent, identities
from customers.purposes import PURPOSES
from tests.campaigns.receiving import Partner, write_certificate
from tests.conftest import NOW, evidence


class Sink:
    """What reached the server, by recipient."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mails(self) -> list[EmailMessage]:
        files = sorted(self.folder.glob("*.eml"), key=lambda path: int(path.stem))
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]

    def recipients(self) -> list[str]:
        """Whom the server took a mail in for, in order, from its own log."""
        log = self.folder.with_suffix(".log")
        return [row.split("\t")[1] for row in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def sink(tmp_path: Path, settings) -> Iterator[Sink]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    box = Outbox(tmp_path / "outbox", tmp_path / "outbox.log")
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"
    yield Sink(tmp_path / "outbox")
    controller.stop()


def people(count: int, *, allows: tuple[str, ...] = tuple(PURPOSES), prefix: str = "c") -> list[int]:
    """`count` customers with addresses who allow the purposes; their ids in order."""
    names = [f"{prefix}{n:03}" for n in range(count)]
    identities.save_profiles(
        [
            identities.Profile(id=name, email=f"{name}@mail.example", name=name.title(), country="DE")
            for name in names
        ]
    )
    ids = identities.find(names)
    answers = [
        consent.Answer(ids[name], purpose, True, evidence(purpose)) for name in names for purpose in allows
    ]
    consent.record(answers, at=NOW - timedelta(days=30))
    return [ids[name] for name in names]


def offer(slug: str, **fields: object) -> Offer:
    values: dict[str, object] = {
        "title": slug.title(),
        "status": Offer.Status.APPROVED,
        "benefit": Offer.Benefit.PERCENT,
        "value": Decimal(10),
        "currency": "EUR",
        **fields,
    }
    return Offer.objects.create(slug=slug, **values)


@pytest.fixture
def message(db: None) -> Message:
    return Message.objects.create(slug="hello", **default_message())


@pytest.fixture
def campaign(message: Message, products: dict[str, Product], settings) -> Callable[..., Campaign]:
    """Makes and launches a campaign to everyone, with the given offers and fields."""
    settings.POSTAL_ADDRESS = "Shop, 1 Example Street, 10115 Berlin"

    def make(*offers: Offer, rule: object = None, launched: bool = True, **fields: object) -> Campaign:
        segment = Segment.objects.create(
            slug=f"segment-{Segment.objects.count()}",
            name="Everyone",
            rule=rule or {"attribute": "id", "exists": True},
        )
        values: dict[str, object] = {
            "name": "Spring",
            "message": message,
            "control_percent": Decimal(0),
            **fields,
        }
        row = Campaign.objects.create(slug=f"spring-{Campaign.objects.count()}", **values)
        CampaignSegment.objects.create(campaign=row, segment=segment).offers.set(offers)
        if launched:
            lifecycle.take(row, "approve", by="tests", at=NOW)
            lifecycle.take(row, "launch", by="tests", at=NOW)
        return row

    return make


def garden() -> Category:
    return Category.objects.get(name="Garden")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "localhost.pem")


@pytest.fixture
def partner(certificate: Path) -> Iterator[Partner]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Partner(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)
