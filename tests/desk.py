"""A shop with a few rows of everything, for the tests of the desk."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from campaigns import codes, figures, lifecycle, planning, segments, webhooks
from campaigns import models as campaigns
from campaigns.messages import default_message
from campaigns.models import (
    Bounce,
    Campaign,
    CampaignSegment,
    Code,
    CodeMisuse,
    Decision,
    Delivery,
    DomainPace,
    Export,
    FairnessCheck,
    FrequencyCap,
    Headline,
    Holdout,
    JourneyEntry,
    JourneyVersion,
    JourneyVisit,
    Message,
    Offer,
    Outcome,
    PrivacyBudget,
    QuietHours,
    Redemption,
    SavedReport,
    Segment,
    ShareChange,
    Tag,
    Trigger,
    UpliftScore,
    UpliftStudy,
    Variant,
    WebhookMessage,
)
from catalog.imports import ProductInput, save_products
from catalog.models import Category, Product, Review
from config.models import Change
from customers import consent, identities
from customers.consent import Evidence
from customers.models import (
    ApiKey,
    Checkpoint,
    ContactChoice,
    Customer,
    Event,
    FormerLaw,
    IdempotentReply,
    ImportRun,
    Installation,
    Notice,
    PendingConsent,
    PolicyVersion,
    PrivacyRequest,
    SensitiveAttribute,
    ShopConnection,
    ShopProduct,
    SoftOptIn,
    Suppression,
    Topic,
)
from customers.purposes import PURPOSES
from customers.shops import connections
from recommender.models import (
    ClusterMembership,
    Interest,
    Look,
    ModelVersion,
    PairCount,
    PairShard,
    Placement,
    RefusedInterest,
    Score,
    SharedStatistics,
    Shown,
    TrainingRun,
)

PASSWORD = "a long enough password"


def short_menu() -> dict[str, Any]:
    """The desk's theme with one room in its menu, which is a third of a page's work: where hundreds are opened."""
    home = {"items": [{"title": "Home", "icon": "home", "link": "/admin/"}]}
    return {**settings.UNFOLD, "SIDEBAR": {**settings.UNFOLD["SIDEBAR"], "navigation": [home]}}


def staff() -> User:
    return User.objects.create_superuser("marta", "marta@shop.example", PASSWORD)


def people(count: int, *, prefix: str = "p") -> list[Customer]:
    """Customers with addresses; every third allows nothing."""
    names = [f"{prefix}{n:03}" for n in range(count)]
    identities.save_profiles(
        [
            identities.Profile(id=name, email=f"{name}@mail.example", name=name.title(), country="DE")
            for name in names
        ]
    )
    ids = identities.find(names)
    answers = [
        consent.Answer(
            ids[name], purpose, True, Evidence(f"{purpose}@1", "en", "checkbox", "tests", "customer")
        )
        for n, name in enumerate(names)
        if n % 3
        for purpose in PURPOSES
    ]
    consent.record(answers, at=timezone.now() - timedelta(days=40))
    return list(Customer.objects.filter(external_id__in=names).order_by("pk"))


def campaign(*, offers: list[Offer], name: str = "Spring in the garden", control: int = 10) -> Campaign:
    n = Campaign.objects.count()
    segment = Segment.objects.create(
        slug=f"germans-{n}", name="Germans", rule={"attribute": "country", "is": "DE"}
    )
    message, _new = Message.objects.get_or_create(slug="hello", defaults=default_message())
    row = Campaign.objects.create(
        slug=f"spring-{n}",
        name=name,
        message=message,
        control_percent=Decimal(control),
        sending_cost=Decimal("0.01"),
    )
    CampaignSegment.objects.create(campaign=row, segment=segment).offers.set(offers)
    return row


def offer(n: int = 0, **fields: object) -> Offer:
    values = {
        "title": f"Ten percent {n}",
        "benefit": Offer.Benefit.PERCENT,
        "value": Decimal(10),
        "currency": "EUR",
        "status": Offer.Status.APPROVED,
        **fields,
    }
    return Offer.objects.create(slug=f"ten-{n}", **values)


def launched(row: Campaign) -> Campaign:
    """Approved, launched and planned; the first half is marked as sent."""
    now = timezone.now()
    lifecycle.take(row, "approve", by="marta", at=now)
    lifecycle.take(row, "launch", by="marta", at=now)
    for run in row.runs.all():
        planning.plan(run, at=now)
    for delivery in Delivery.objects.filter(run__campaign=row).select_related("decision")[::2]:
        Delivery.objects.filter(pk=delivery.pk).update(
            status="sent",
            basis=delivery.decision.basis,
            consent_record_id=delivery.decision.consent_record_id,
            transmitting_at=now,
            ended_at=now,
        )
    return row


def journey(row: Campaign, customers: list[Customer]) -> None:
    """Everyone on their way through a journey of two steps."""
    now = timezone.now()
    steps = {
        "hello": {"kind": "message", "message": "hello", "if_not_sent": "go_on", "next": "pause"},
        "pause": {"kind": "wait", "days": 3, "next": None},
    }
    entry = {"entry": {"event": "added"}, "reentry": "never", "goal": None, "start": "hello", "steps": steps}
    version = JourneyVersion.objects.create(campaign=row, number=1, definition=entry)
    entries = JourneyEntry.objects.bulk_create(
        JourneyEntry(
            campaign=row, version=version, customer=customer, key="event:1", step="pause", entered_at=now, wake_at=now
        )
        for customer in customers
    )  # fmt: skip
    JourneyVisit.objects.bulk_create(
        JourneyVisit(entry=entry, step="hello", arrived_at=now, left_at=now, outcome="planned")
        for entry in entries
    )
    Trigger.objects.create(campaign=row, looked_at=now)


def measured(row: Campaign) -> Campaign:
    """As if its window were over: planned three weeks ago, and every second person of the treated has ordered since."""
    then = timezone.now() - timedelta(days=21)
    row.runs.update(planned_at=then)
    Decision.objects.filter(campaign=row).update(decided_at=then)
    rest: dict[str, int] = {}
    orders: list[Event] = []
    for decision in Decision.objects.filter(campaign=row).order_by("customer_id"):
        n = rest[decision.arm] = rest.get(decision.arm, 0) + 1
        if n % (2 if decision.arm == "treated" else 3):
            continue
        orders.append(
            Event(
                customer_id=decision.customer_id,
                type=Event.Type.ORDERED,
                value=Decimal(20 + n),
                currency="EUR",
                order_id=f"after-{decision.customer_id}",
                occurred_at=then + timedelta(days=3),
                received_at=then + timedelta(days=3),
                source="shop",
                message_id=f"after-{decision.customer_id}",
                basis=Event.Basis.CONTRACT,
            )
        )
    Event.objects.bulk_create(orders)
    return row


def shop(count: int = 9, *, prefix: str = "p", control: int = 10) -> Campaign:
    """At least one row of every model; `count` people, events, interests, decisions, deliveries and outcomes."""
    now = timezone.now()
    Change.objects.create(at=now, door="desk", who="marta", deed="logged_in")
    save_products(
        [
            ProductInput(
                sku=f"{prefix}-{n}",
                title=f"Thing {n}",
                category="Garden",
                price=Decimal("9.90"),
                currency="EUR",
            )
            for n in range(count)
        ],
        at=now,
    )
    products = list(Product.objects.filter(sku__startswith=f"{prefix}-"))
    Review.objects.bulk_create(
        Review(product=product, source="shop", message_id=f"r-{product.sku}", rating=5, text="Good")
        for product in products
    )
    customers = people(count, prefix=prefix)
    Event.objects.bulk_create(
        Event(
            customer=customer,
            type=Event.Type.ORDERED,
            product=product,
            value=Decimal("19.90"),
            currency="EUR",
            order_id=f"o-{customer.pk}",
            occurred_at=now,
            received_at=now,
            source="shop",
            message_id=f"m-{customer.pk}",
            basis=Event.Basis.CONTRACT,
        )
        for customer, product in zip(customers, products, strict=True)
    )
    run = TrainingRun.objects.create(
        task="recommend",
        state="done",
        progress=1.0,
        result={"reason": "the first; +0.311 NDCG@10 over plain popularity"},
    )
    ModelVersion.objects.filter(state="live").update(state="retired")
    model = ModelVersion.objects.create(
        task="interests", algorithm="interests", state="live", file="x.npz", sha256="0" * 64, people=9,
        interactions=90, trained_until=now, metrics={"brier": 0.1, "test": [{"algorithm": "a", "ndcg10": 0.2}]}, run=run,
    )  # fmt: skip
    pairs = PairCount.objects.create(until=now, items_file="pairs-items.npz", items_sha256="0" * 64)
    PairShard.objects.bulk_create(
        PairShard(count=pairs, first=n, beyond=n + 1) for n in range(len(customers))
    )
    category = Category.objects.get(name="Garden")
    Interest.objects.bulk_create(
        Interest(customer=customer, category=category, probability=0.5, model=model) for customer in customers
    )
    ClusterMembership.objects.bulk_create(
        ClusterMembership(customer=customer, cluster=1, model=model) for customer in customers
    )
    Score.objects.bulk_create(
        Score(customer=customer, purchase=0.4, churn=0.2, lifetime_value=30.0, model=model)
        for customer in customers
    )
    Look.objects.bulk_create(
        (Look(product=product, seen=b"", sha256="0" * 64) for product in Product.objects.all()),
        ignore_conflicts=True,
    )
    placement = Placement.objects.create(name=f"Home {prefix}", slug=f"home-{prefix}", is_measured=True)
    placement.promotions.create(name="Winter", percent=20).categories.set([category])
    Shown.objects.bulk_create(
        Shown(
            recommendation_id=uuid4(), customer=customer, placement=placement.slug, model=model, basis="default",
            items=[{"sku": f"{prefix}-0", "propensity": 0.9, "promotion": ""}], at=now,
        )
        for customer in customers
    )  # fmt: skip
    Holdout.objects.create(
        slug=f"quarter-{prefix}", name="Autumn", percent=5, starts_at=now + timedelta(days=9)
    )
    ten = offer(Offer.objects.count())
    place = campaigns.Placement.objects.create(name=f"Mail {prefix}", slug=f"mail-{prefix}", channel="email")
    place.states.create(at=now, method="bandit", arms={ten.slug: {"people": 3, "successes": 1, "share": 1.0}})
    campaigns.CapCount.objects.create(cap=ten.caps.create(most=999, scope="total", event="redeemed"), used=1)
    pool = offer(Offer.objects.count() + 1000, code_kind=Offer.CodeKind.POOL)
    batch = codes.generate(pool, max(count, 40), by="marta", at=now)
    CodeMisuse.objects.bulk_create(
        CodeMisuse(code=code, kind="refused", order_id=f"o-{code.pk}", at=now)
        for code in batch.codes.order_by("pk")[:count]
    )
    row = launched(campaign(offers=[ten], control=control))
    Headline.objects.create(campaign=row, at=now, began_at=now, treated=120, control=40)
    segments.measure_due(at=now)
    row.tags.add(Tag.objects.create(slug=f"{prefix}-news", name=f"News {prefix}"))
    Variant.objects.create(campaign=row, key="a", message=row.message)
    ShareChange.objects.create(
        campaign=row, at=now, shares={"a": 1.0}, rests_on={"a": {"people": 120, "successes": 9}}
    )
    UpliftStudy.objects.create(campaign=row, asked_at=now, done_at=now, state="refused", why="few_an_arm")
    UpliftScore.objects.create(campaign=row, customer=customers[0], effect=0.5)
    journey(row, customers)
    bought = dict(Event.objects.filter(customer__in=customers).values_list("customer_id", "pk"))
    Outcome.objects.bulk_create(
        Outcome(
            decision=decision,
            event_id=bought[decision.customer_id],
            kind="ordered",
            value=Decimal("19.90"),
            at=now,
        )
        for decision in Decision.objects.filter(campaign=row)
        if decision.customer_id in bought
    )
    Redemption.objects.bulk_create(
        Redemption(
            code=code,
            customer_id=code.customer_id,
            order_id=f"o-{code.pk}",
            amount=20,
            discount=2,
            currency="EUR",
            at=now,
        )
        for code in Code.objects.filter(offer=ten)
    )
    PendingConsent.objects.create(
        customer=customers[0], purpose="marketing_email", notice="marketing_email@1", language="en", source="shop",
        token_hash=prefix.ljust(64, "0"), expires_at=now,
    )  # fmt: skip
    ApiKey.objects.create(
        kind="secret", label=f"{prefix} shop", prefix="sk_abc", key_hash=prefix.rjust(64, "f")
    )
    Suppression.objects.create(address_index=prefix.rjust(64, "e"), reason="complaint")
    IdempotentReply.objects.create(scope=prefix, key="k", payload_sha256="0" * 64, body=b"secret body")
    ImportRun.objects.create(format="google-merchant", name="feed.xml", counts={"read": 3}, ended_at=now)
    Notice.objects.create(
        slug=f"{prefix}-notice", version=1, language="en", purpose="analytics", text="Text", sha256="0" * 64
    )
    FrequencyCap.objects.create(name=f"{prefix} seldom", most=90, length=2)
    QuietHours.objects.create(
        name=f"{prefix} nights", begins="22:00", ends="08:00", weekdays=[4, 5], is_active=False
    )
    DomainPace.objects.create(domain=f"{prefix}.example", per_minute=60, last_answer="451 later")
    Bounce.objects.create(
        key=f"{prefix}-1",
        source="dsn",
        kind="hard",
        delivery=Delivery.objects.filter(run__campaign=row).first(),
        at=now,
    )
    figures.note_due(at=now)
    connected(Product.objects.filter(category=category).first(), prefix=prefix)
    trust(row, customers, category, prefix=prefix)
    return row


def connected(product: Product | None, *, prefix: str) -> ShopConnection:
    """A shop that delivered twice, and told of one product."""
    row = connections.connect(
        "shopify", f"{prefix}.myshopify.com", label=f"Garden {prefix}", currency="EUR", secret="a long secret"
    )
    now = timezone.now()
    for number, topic, problems in (
        ("1", "orders/create", ["line_without_product"]),
        ("2", "themes/update", []),
    ):
        row.deliveries.create(number=number, topic=topic, at=now, problems=problems)
    row.deliveries.create(number="3", topic="refunds/create", at=now, order_id="9", waiting=[{"number": "1"}])
    ShopProduct.objects.create(connection=row, product=product, item="1", variant="2", told_at=now)
    return row


def trust(row: Campaign, customers: list[Customer], category: Category, *, prefix: str) -> None:
    """What people chose and demanded, and what left the desk."""
    now = timezone.now()
    topic = Topic.objects.create(slug=f"{prefix}-garden", title=f"Garden {prefix}")
    sensitive = SensitiveAttribute.objects.create(name=f"{prefix} age", why="protected", added_by="pia")
    sensitive.uses.create(where=f"segment:{prefix}", reason="senior discount", asked_by="marta", asked_at=now)
    Installation.objects.get_or_create(defaults={"journal_seen": 0})
    Checkpoint.objects.create(
        at=now, people=9, records=54, newest_record=54, root=prefix.rjust(64, "a"), key_id="k", signature="s"
    )
    Export.objects.create(dataset="orders", state="gone", rows=1200, requested_by="ana", ended_at=now)
    budget = PrivacyBudget.objects.create(name=f"{prefix}-reports", total=1_000_000, spent=100_000)
    budget.releases.create(
        campaign=row,
        question_sha256=prefix.rjust(64, "b"),
        question={},
        answer={},
        spent=100_000,
        at=now,
        by="ana",
    )
    PolicyVersion.objects.create(
        code=prefix[:10], number=1, since=now, name=prefix, soft_opt_in=False, answer_days=30, source="a law"
    )
    FormerLaw.objects.bulk_create(FormerLaw(customer=one, jurisdiction="UK", until=now) for one in customers)
    choices = ContactChoice.objects.bulk_create(
        ContactChoice(customer=one, frequency="weekly") for one in customers
    )
    left = ContactChoice.left_topics.through
    left.objects.bulk_create(left(contactchoice=choice, topic=topic) for choice in choices)
    SoftOptIn.objects.bulk_create(
        SoftOptIn(
            customer=one, category=category, order_id=f"o-{one.pk}", notice="soft@1", notice_sha256="0" * 64,
            language="en", at=now,
        )
        for one in customers
    )  # fmt: skip
    RefusedInterest.objects.bulk_create(
        RefusedInterest(customer=one, category=category, at=now) for one in customers
    )
    PrivacyRequest.objects.bulk_create(
        PrivacyRequest(customer=one, customer_number=one.pk, type="access", source="page", asked_at=now, due_at=now)
        for one in customers
    )  # fmt: skip
    SavedReport.objects.bulk_create(
        SavedReport(campaign=row, at=now, by="ana", cells={"treated": 120}) for _one in customers
    )
    FairnessCheck.objects.bulk_create(
        FairnessCheck(campaign=row, at=now, by="marta", moment="before") for _one in customers
    )
    told = webhooks.make(
        name=f"Shop {prefix}",
        url="https://shop.example/hook",
        types=["code.redeemed"],
        receiver="own",
        by="marta",
    ).endpoint
    WebhookMessage.objects.bulk_create(
        WebhookMessage(
            endpoint=told, type="code.redeemed", fact=str(customer.pk), customer=customer, state="failed",
            not_before=now, occurred_at=now, gathered_at=now, ended_at=now,
            history=[{"at": now.isoformat(), "status": 500, "said": "", "ms": 12}],
        )
        for customer in customers
    )  # fmt: skip
    SharedStatistics.objects.create(
        direction="in", name=f"Shop {prefix}", made_at=now, by="ana", people=2000, pairs=90, epsilon=1, delta=1e-6,
        most_pairs=20, sha256=prefix.rjust(64, "c"),
    )  # fmt: skip
