"""The demo's campaigns: three segments, an offer each for what people like, a control group; and one in the shop."""

import argparse
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from campaigns import fairness, lifecycle
from campaigns.messages import default_message
from campaigns.models import Campaign, CampaignSegment, Message, Offer, Placement, Segment
from catalog.models import Category
from customers import consent, identities
from recommender.models import Interest

SLUG = "demo"
SHOP_SLUG = "demo-shop"
CONTROL_PERCENT = Decimal(20)
FAVOURITES = 4
EVERYONE = {"attribute": "id", "exists": True}
WHY_GROUPS_DIFFER = (
    "Offers follow what people did and allow; no rule asks where they live or which language they speak."
)
REGULARS = {"frequency": {"gte": 4}}


class Command(BaseCommand):
    help = "Make, approve and launch the demo's campaigns. Running it again changes nothing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--addresses",
            action="store_true",
            help="give people without one an address at customer.example, which no mail can reach",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["addresses"]:
            self.stdout.write(f"Made up {made_up_addresses():,} addresses at customer.example.")
        if not Campaign.objects.filter(slug=SHOP_SLUG).exists():
            launched(make_onsite)
        if Campaign.objects.filter(slug=SLUG).exists():
            self.stdout.write("The campaign “demo” is there already.")
            return
        campaign = launched(make)
        for audience in campaign.audiences.select_related("segment").prefetch_related("offers"):
            offers = ", ".join(offer.title for offer in audience.offers.all())
            self.stdout.write(f"  {audience.segment.name}: {offers}")
        self.stdout.write(f"Launched, with {CONTROL_PERCENT} % held out as the control group.")


def launched(make: Callable[[], Campaign]) -> Campaign:
    """Made, approved and launched, or nothing. Raises CommandError."""
    now = timezone.now()
    with transaction.atomic():
        campaign = make()
        look = fairness.before(campaign, by="demo", at=now)
        if look.tripped:
            fairness.answer(look, WHY_GROUPS_DIFFER, by="demo")
        try:
            lifecycle.take(campaign, "approve", by="demo", at=now)
            lifecycle.take(campaign, "launch", by="demo", at=now)
        except lifecycle.NotPossible as problem:
            raise CommandError(str(problem)) from problem
    return campaign


def make_onsite() -> Campaign:
    """What the demo's shop shows on its home page, without a control group: whoever walks through it sees an offer."""
    Placement.objects.get_or_create(slug="home", defaults={"name": "Home page of the demo shop"})
    welcome = offer("demo-shop", "10 % off your order in the shop", "商店订单九折", Decimal(10), [])
    campaign = Campaign.objects.create(
        slug=SHOP_SLUG,
        name="Demo: an offer in the shop",
        channel=Campaign.Channel.ONSITE,
        placement="home",
        control_percent=Decimal(0),
    )
    audience(campaign, 1, "demo-shop-visitors", "Everyone in the shop", EVERYONE, [welcome])
    return campaign


def favourite_categories() -> list[Category]:
    """The categories that most people are drawn to, or where nothing was learnt the largest ones."""
    liked = (
        Interest.objects.filter(probability__gte=0.3)
        .values_list("category")
        .annotate(n=Count("pk"))
        .order_by("-n", "category")
    )
    ids = [category for category, _n in liked[:FAVOURITES]]
    if not ids:
        largest = Category.objects.annotate(n=Count("products")).filter(n__gt=0).order_by("-n", "pk")
        return list(largest[:FAVOURITES])
    return sorted(Category.objects.filter(pk__in=ids), key=lambda category: ids.index(category.pk))


def make() -> Campaign:
    """The campaign as a draft, complete. About twenty queries."""
    everything = offer("demo-everything", "5 % off everything", "全场九五折", Decimal(5), [])
    thanks = offer("demo-thanks", "Thank you: 8 % off everything", "感谢您：全场九二折", Decimal(8), [])
    favourites = [
        offer(
            f"demo-{category.slug}"[:80],
            f"25 % off {category.name}",
            f"{category.name} 七五折",
            Decimal(25),
            [category],
        )
        for category in favourite_categories()
    ]
    message = Message.objects.create(slug=SLUG, **default_message())
    campaign = Campaign.objects.create(
        slug=SLUG,
        name="Demo: picked for you",
        message=message,
        control_percent=CONTROL_PERCENT,
        sending_cost=Decimal("0.001"),
    )
    lovers = {"any": [{"interest": row.categories.get().slug, "gte": 0.3} for row in favourites]}
    audience(campaign, 1, "demo-regulars", "Regulars: four orders or more", REGULARS, [*favourites, thanks])
    if favourites:
        audience(
            campaign, 2, "demo-lovers", "Drawn to a favourite category", lovers, [*favourites, everything]
        )
    audience(campaign, 3, "demo-everyone", "Everyone else", EVERYONE, [everything])
    return campaign


def offer(slug: str, title: str, chinese: str, percent: Decimal, categories: Iterable[Category]) -> Offer:
    row = Offer.objects.create(
        slug=slug,
        title=title,
        translations={"zh-hans": {"title": chinese}},
        status=Offer.Status.APPROVED,
        benefit=Offer.Benefit.PERCENT,
        value=percent,
        code_prefix="DEMO",
        code_valid_days=14,
    )
    row.categories.set(categories)
    return row


def audience(
    campaign: Campaign, position: int, slug: str, name: str, rule: dict[str, Any], offers: Iterable[Offer]
) -> None:
    segment = Segment.objects.create(slug=slug, name=name, rule=rule)
    row = CampaignSegment.objects.create(campaign=campaign, segment=segment, position=position)
    row.offers.set(offers)


def made_up_addresses() -> int:
    """An address for everyone who allows e-mail and has none; a page of people a transaction."""
    people = (
        consent.permitted("marketing_email")
        .filter(email_index="", external_id__isnull=False)
        .order_by("pk")
        .values_list("external_id", flat=True)
    )
    names = iter(list(people))
    made = 0
    while page := list(islice(names, 500)):
        profiles = [identities.Profile(id=name, email=f"c{name}@customer.example") for name in page if name]
        made += identities.save_profiles(profiles).changed
    return made
