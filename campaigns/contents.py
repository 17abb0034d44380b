"""What an approval is of: all that decides whom a campaign reaches, and with what; and whose hands it went through."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q, QuerySet

from campaigns import journeys
from campaigns.models import Campaign, JourneyVersion, Message, Offer, OfferCap, Segment, Variant

# What a campaign's life and its customers write, and nobody decides.
BESIDE = {
    Campaign: (
        "status", "approved_by", "approved_people", "approved_contents", "stopped_because", "resumed_at", "created_at",
        "updated_at",
    ),
    Offer: ("status", "given", "discount_given", "discount_reserved", "created_at"),
    # What its blocks make stands in its body and its translations.
    Message: ("layout", "created_at", "updated_at"),
}  # fmt: skip


def fingerprint(campaign: Campaign) -> str:
    """The same for as long as nothing of it changes, by whatever door. Eight queries, one more a depth of segments."""
    told = json.dumps(list(_told(campaign)), sort_keys=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(told.encode()).hexdigest()


def _told(campaign: Campaign) -> Iterator[Any]:
    audiences = campaign.audiences.order_by("position", "pk")
    yield _rows(Campaign.objects.filter(pk=campaign.pk))
    yield list(audiences.values_list("segment_id", "position", "offers__pk"))
    yield _rules({rule["slug"]: rule["rule"] for rule in _segments(campaign).values("slug", "rule")})
    yield _rows(_offers(campaign))
    yield list(_offers(campaign).order_by("pk", "categories").values_list("pk", "categories"))
    yield list(OfferCap.objects.filter(offer__in=_offers(campaign)).order_by("pk").values())
    yield list(Variant.objects.filter(campaign=campaign).order_by("pk").values("key", "message_id", "weight"))
    version = journeys.newest(campaign)
    yield version and version.definition
    yield _rows(_messages(campaign, version))


def _rows(rows: QuerySet[Any]) -> list[dict[str, Any]]:
    beside = BESIDE[rows.model]
    return [
        {name: value for name, value in row.items() if name not in beside}
        for row in rows.order_by("pk").values()
    ]


def _segments(campaign: Campaign) -> QuerySet[Segment]:
    return Segment.objects.filter(campaigns__campaign=campaign).distinct()


def _offers(campaign: Campaign) -> QuerySet[Offer]:
    return Offer.objects.filter(audiences__campaign=campaign).distinct()


def _messages(campaign: Campaign, version: JourneyVersion | None) -> QuerySet[Message]:
    steps = version.definition.get("steps", {}).values() if version is not None else ()
    said = Q(pk=campaign.message_id) | Q(variants__campaign=campaign)
    return Message.objects.filter(
        said | Q(slug__in=[step["message"] for step in steps if "message" in step])
    ).distinct()


def _rules(rules: dict[str, Any]) -> dict[str, Any]:
    """These segments' rules, and those of the segments that they name."""
    while missing := {slug for rule in rules.values() for slug in _named(rule)} - rules.keys():
        found = dict(Segment.objects.filter(slug__in=missing).values_list("slug", "rule"))
        rules = {**rules, **{slug: found.get(slug) for slug in missing}}
    return rules


def _named(rule: Any) -> Iterator[str]:
    if isinstance(rule, dict):
        if isinstance(slug := rule.get("segment"), str):
            yield slug
        rule = list(rule.values())
    if isinstance(rule, list):
        for part in rule:
            yield from _named(part)


def hands(campaign: Campaign) -> set[str]:
    """Who made the campaign, or has changed it, its messages, segments or offers at the desk since it was made."""
    version = journeys.newest(campaign)
    parts: Iterable[tuple[type[Model], Iterable[int]]] = (
        (Campaign, [campaign.pk]),
        (Message, _messages(campaign, version).values_list("pk", flat=True)),
        (Segment, _segments(campaign).values_list("pk", flat=True)),
        (Offer, _offers(campaign).values_list("pk", flat=True)),
    )
    among = Q(pk__in=[])
    for model, pks in parts:
        kind = ContentType.objects.get_for_model(model)
        among |= Q(content_type=kind, object_id__in=[str(pk) for pk in pks])
    # A form's changes are told as a list, a step taken in words: who took one has changed nothing.
    changes = LogEntry.objects.filter(
        among, action_time__gte=campaign.created_at, change_message__startswith="["
    )
    published = campaign.versions.values_list("created_by", flat=True)
    return {campaign.created_by, *published, *changes.values_list("user__username", flat=True)}
