"""What the scripts measure on: people, products, a learnt model, a mail sink and web servers of their own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
from django.core.management import call_command

from benchmarks import PORT
from campaigns import lifecycle
from campaigns.messages import default_message
from campaigns.models import Campaign, CampaignSegment, Message, Offer, Segment
from catalog.imports import ProductInput, save_products
from config.demo import wait_for
from config.processes import BASE_DIR, Processes, web
from customers import consent, events, identities
from customers.events import Incoming
from customers.purposes import PURPOSES
from recommender import training

NOW = datetime.now(UTC).replace(microsecond=0)
HOME = Path(os.environ["BENCHMARK_HOME"])


def free(port: int) -> None:
    """Refuse a port that somebody listens on: the figures would be another server's."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SystemExit(
                f"Somebody listens on port {port}; set BENCHMARK_PORT to the first of three free ones."
            )


def migrate() -> None:
    call_command("migrate", verbosity=0)


def products(count: int) -> list[str]:
    skus = [f"p{n:05}" for n in range(count)]
    page = 1000
    for start in range(0, count, page):
        save_products(
            [
                ProductInput(
                    sku=sku,
                    title=f"Product {sku}",
                    category=f"Category {n % 12}",
                    price=Decimal("9.90"),
                    currency="EUR",
                    url=f"https://shop.example/p/{sku}?a=1&b=2",
                )
                for n, sku in enumerate(skus[start : start + page])
            ],
            at=NOW - timedelta(days=100),
        )
    return skus


def people(count: int) -> dict[str, int]:
    """So many people with addresses who allow everything; their ids by name."""
    names = [f"c{n:05}" for n in range(count)]
    for start in range(0, count, 500):
        page = names[start : start + 500]
        identities.save_profiles(
            [
                identities.Profile(id=name, email=f"{name}@mail.example", name=name.title(), country="DE")
                for name in page
            ]
        )
        ids = identities.find(page)
        consent.record(
            [
                consent.Answer(
                    ids[name],
                    purpose,
                    True,
                    consent.Evidence(f"{purpose}@1", "en", "checkbox", "benchmark", "customer"),
                )
                for name in page
                for purpose in PURPOSES
            ],
            at=NOW - timedelta(days=90),
        )
    return {
        name: pk
        for start in range(0, count, 500)
        for name, pk in identities.find(names[start : start + 500]).items()
    }


def purchases(names: Sequence[str], skus: Sequence[str], *, each: int) -> None:
    """Orders over the last 80 days, of products that are popular by Zipf's law."""
    rng = np.random.default_rng(1)
    share = 1 / np.arange(1, len(skus) + 1)
    rows = [
        Incoming(
            message_id=f"{name}-{n}",
            type="ordered",
            customer=name,
            sku=skus[product],
            value=Decimal("9.90"),
            currency="EUR",
            order_id=f"{name}-{n // 3}",
            occurred_at=NOW - timedelta(days=1 + (n // 3) * 80 / each * 3),
        )
        for name in names
        for n, product in enumerate(rng.choice(len(skus), size=each, p=share / share.sum()))
    ]
    for start in range(0, len(rows), 1000):
        events.take_in(rows[start : start + 1000], source="benchmark", at=NOW)


def learn(*algorithms: str) -> None:
    training.ask("recommend", algorithms=list(algorithms))
    run = training.claim(at=NOW)
    assert run is not None
    training.work(run, at=NOW)


def campaign(slug: str, *, at: datetime) -> Campaign:
    """A running e-mail campaign to everyone, with an offer and a code for each."""
    message, _new = Message.objects.get_or_create(slug="hello", defaults=default_message())
    everyone, _new = Segment.objects.get_or_create(
        slug="everyone", defaults={"name": "Everyone", "rule": {"attribute": "id", "exists": True}}
    )
    offer, _new = Offer.objects.get_or_create(
        slug="ten",
        defaults={
            "title": "Ten off",
            "status": Offer.Status.APPROVED,
            "benefit": Offer.Benefit.PERCENT,
            "value": Decimal(10),
            "currency": "EUR",
            "max_per_customer": None,
        },
    )
    row = Campaign.objects.create(slug=slug, name=slug, message=message, control_percent=0)
    CampaignSegment.objects.create(campaign=row, segment=everyone).offers.set([offer])
    for step in ("approve", "launch"):
        lifecycle.take(row, step, by="benchmark", at=at)
    return row


@contextmanager
def sink() -> Iterator[Path]:
    """A mail sink in its own process; its folder of mails."""
    free(PORT)
    outbox = HOME / "outbox"
    command = [sys.executable, "manage.py", "mail_sink", "--port", str(PORT)]
    process = subprocess.Popen(
        [*command, "--outbox", str(outbox), "--log", str(HOME / "sink.log")], cwd=BASE_DIR
    )
    try:
        wait_for(PORT)
        yield outbox
    finally:
        process.terminate()
        process.wait()


@contextmanager
def servers() -> Iterator[tuple[int, int]]:
    """The real application and the bare one, each under the gunicorn that `make demo` uses; their ports."""
    ours, bare = PORT + 1, PORT + 2
    free(ours)
    free(bare)
    with Processes() as processes:
        processes.start("ours", web(ours))
        processes.start("bare", ["benchmarks.bare" if word == "config.wsgi" else word for word in web(bare)])
        wait_for(ours)
        wait_for(bare)
        yield ours, bare
