"""Offers and segments as rows of a file, checked and kept by the door that programs have (`campaigns.api`)."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from campaigns import segments
from campaigns.api.definitions import NewOffer, OfferFields, save_offer
from campaigns.api.segments import NewSegment, SegmentFields, checked
from campaigns.models import Offer, Segment
from campaigns.offers import caps
from catalog.definitions import Column, Refused, told_moment

EVENT_CAP = ("event", "scope", "most", "every_days")
# What an empty cell means where it is neither nothing nor no word.
EMPTY: dict[str, Any] = {
    "value": "0.00", "minimum_amount": "0.00", "priority": 0, "code_kind": "unique", "code_valid_days": 30,
    "used_percent": 100, "translations": {}, "caps": [], "description": "", "currency": "", "code_prefix": "",
}  # fmt: skip
NAMED = ("slug", "title", "benefit")


class Offers:
    columns = (
        Column("slug", _("by which it is known; letters, digits, - and _"), must=True),
        Column("title", _("what people read"), must=True),
        Column("description", _("more of it, in sentences")),
        Column("status", _("as it is now: a file neither approves nor archives; what is new is a draft")),
        Column("benefit", _("percent, amount or free_shipping"), must=True),
        Column("value", _("how much, with a point: 12.50")),
        Column("currency", _("three letters: EUR")),
        Column("minimum_amount", _("the smallest order it holds for")),
        Column("max_discount", _("the most it takes off one order; empty: no bound")),
        Column("categories", _("slugs, with commas between them; empty: everything"), kind="list"),
        Column("eligibility", _("a segment's rule in JSON; empty: whoever the campaign is for"), kind="json"),
        Column("priority", _("higher wins")),
        Column("starts_at", _("from when: 2026-12-01T00:00:00Z")),
        Column("ends_at", _("until when")),
        Column("code_kind", _("unique, pool or none")),
        Column("code_prefix", _("what its codes begin with")),
        Column("code_valid_days", _("for how many days a code holds")),
        Column("max_total", _("how often in all; empty: no bound")),
        Column("max_per_customer", _("how often for one person; empty: no bound")),
        Column("low_stock_at", _("from how few codes on somebody is warned")),
        Column("budget", _("of discounts; empty: no bound")),
        Column("used_percent", _("how many of a hundred use it")),
        Column("translations", _("title and description in other languages, in JSON"), kind="json"),
        Column("caps", _("more caps, a list in JSON"), kind="json"),
    )

    def known(self, slugs: Sequence[str]) -> dict[str, Offer]:
        """Under their locks: what is counted of them must not move meanwhile."""
        ids = Offer.objects.filter(slug__in=slugs).values_list("pk", flat=True)
        caps.lock(ids)
        rows = Offer.objects.filter(pk__in=list(ids)).prefetch_related("categories", "caps__placement")
        return {row.slug: row for row in rows}

    def told(self, thing: Offer) -> dict[str, Any]:
        held = {column.name: getattr(thing, column.name) for column in self.columns}
        held["categories"] = [row.slug for row in thing.categories.all()]
        held["caps"] = [
            {
                **{name: getattr(cap, name) for name in EVENT_CAP},
                "placement": cap.placement and cap.placement.slug,
            }
            for cap in thing.caps.all()
        ]
        return {name: _told(name, value) for name, value in held.items()}

    def read(self, said: dict[str, Any], *, is_new: bool) -> dict[str, Any]:
        given = {name: EMPTY.get(name) if value in (None, "") else value for name, value in said.items()}
        if missing := [name for name in NAMED if name in given and given[name] is None]:
            raise Refused({name: gettext("must be there") for name in missing})
        values = _valid(NewOffer if is_new else OfferFields, given)
        values["slug"] = given["slug"]
        if is_new and values.get("status", Offer.Status.DRAFT) != Offer.Status.DRAFT:
            raise Refused({"status": gettext("What is new is a draft: approve it by hand.")})
        return {name: _told(name, value) for name, value in values.items() if name in given}

    def save(self, thing: Offer | None, said: dict[str, Any]) -> Offer:
        if thing is not None and "status" in said:
            raise Refused(
                {"status": gettext("It is “%s”: approve or archive it by hand.") % thing.get_status_display()}
            )
        try:
            return save_offer(thing or Offer(slug=said["slug"]), _valid(OfferFields, said))
        except serializers.ValidationError as error:
            raise _refused(error) from error

    def settle(self, things: Sequence[tuple[Any, dict[str, Any]]]) -> Iterator[tuple[int, Refused]]:
        """Everything was said when each was kept."""
        yield from ()


class Segments:
    columns = (
        Column("slug", _("by which it is known; letters, digits, - and _"), must=True),
        Column("name", _("its name"), must=True),
        Column("description", _("more of it, in sentences")),
        Column("rule", _("who is in it, in JSON"), kind="json", must=True),
    )

    def known(self, slugs: Sequence[str]) -> dict[str, Segment]:
        held = Segment.objects.select_for_update().order_by("pk")
        return {row.slug: row for row in held.filter(slug__in=slugs)}

    def told(self, thing: Segment) -> dict[str, Any]:
        return {column.name: getattr(thing, column.name) for column in self.columns}

    def read(self, said: dict[str, Any], *, is_new: bool) -> dict[str, Any]:
        given = dict(said)
        if missing := [name for name in ("name", "rule") if name in given and given[name] in (None, "")]:
            raise Refused({name: gettext("must be there") for name in missing})
        if "description" in given:
            given["description"] = given["description"] or ""
        values = _valid(NewSegment if is_new else SegmentFields, given)
        return {name: values[name] for name in given if name in values} | {"slug": given["slug"]}

    def save(self, thing: Segment | None, said: dict[str, Any]) -> Segment:
        row = thing or Segment()
        for name, value in said.items():
            setattr(row, name, value)
        row.save()
        return row

    def settle(self, things: Sequence[tuple[Any, dict[str, Any]]]) -> Iterator[tuple[int, Refused]]:
        """Rules may name segments that stand further down, so they are checked when all of them are here."""
        for place, (row, said) in enumerate(things):
            if "rule" in said:
                try:
                    checked(row.rule, row.slug)
                except segments.InvalidRule as invalid:
                    told = gettext("At %(path)s: %(message)s") % {
                        "path": invalid.path,
                        "message": invalid.message,
                    }
                    yield place, Refused({"rule": told})


def _valid(kind: type[serializers.Serializer[Any]], given: dict[str, Any]) -> dict[str, Any]:
    """Raises Refused."""
    form = kind(data=given)
    try:
        form.is_valid(raise_exception=True)
    except serializers.ValidationError as error:
        raise _refused(error) from error
    return dict(form.validated_data)


def _refused(error: serializers.ValidationError) -> Refused:
    detail = error.detail if isinstance(error.detail, dict) else {"": error.detail}
    return Refused({name: " ".join(_sentences(told)) for name, told in detail.items()})


def _sentences(told: Any) -> Iterator[str]:
    """The sentences of an error, however deep it nests."""
    if isinstance(told, dict):
        told = list(told.values())
    if not isinstance(told, list):
        yield str(told)
        return
    for one in told:
        yield from _sentences(one)


def _told(name: str, value: Any) -> Any:
    """As it stands in a file, whether it was read from one or from a row."""
    if name == "caps":
        return sorted((_told_cap(one) for one in value), key=repr)
    if name == "categories":
        return sorted(getattr(one, "slug", one) for one in value)
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return told_moment(value) if hasattr(value, "astimezone") else value


def _told_cap(cap: Any) -> dict[str, Any]:
    placement = cap.get("placement")
    return {**{name: cap[name] for name in EVENT_CAP}, "placement": getattr(placement, "slug", placement)}
