"""Codes into an offer's pool, by hand, and how many are left there."""

import io
from datetime import datetime, time

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns import codes
from campaigns.codes.stock import PACE_OVER
from campaigns.models import Offer
from catalog.pages import Section, told_time
from customers import few


def add_codes(request: HttpRequest, offer: Offer) -> tuple[bool, str]:
    """What the form asks for: whether codes were added, and a sentence. Raises ValueError, InvalidFile."""
    now, by = timezone.now(), request.user.get_username()
    day = parse_date(request.POST.get("expires_on") or "")
    end = timezone.make_aware(datetime.combine(day, time.max)) if day is not None else None
    if end is not None and end <= now:
        raise ValueError(gettext("That day is over."))
    if request.POST.get("do") == "generate":
        said = request.POST.get("count", "").replace(",", "").strip()
        if not said.isdecimal() or not 1 <= int(said) <= codes.MOST_AT_ONCE:
            raise ValueError(gettext("Say how many: from 1 to %s.") % f"{codes.MOST_AT_ONCE:,}")
        made = codes.generate(offer, int(said), by=by, at=now, expires_at=end).count
        return True, ngettext("%s code was made.", "%s codes were made.", made) % f"{made:,}"
    upload = request.FILES.get("file")
    if upload is None or upload.file is None:
        raise ValueError(gettext("Choose a file."))
    is_check = request.POST.get("do") == "check"
    lines = io.TextIOWrapper(upload.file, encoding="utf-8-sig", newline="")
    try:
        done = codes.import_file(
            offer, lines, name=upload.name or "", by=by, at=now, expires_at=end, dry_run=is_check
        )
    except UnicodeDecodeError as error:
        raise ValueError(gettext("The file is not UTF-8.")) from error
    if is_check:
        told_now = ngettext("The file is fine: %s code.", "The file is fine: %s codes.", done.count)
        return False, told_now % f"{done.count:,}"
    return True, ngettext(
        "%s code was brought in.", "%s codes were brought in.", done.count
    ) % f"{done.count:,}"


def told_free(left: codes.Stock) -> str:
    """How many are left. All that came in are counted elsewhere: while a few were given, a lower bound."""
    if not few.is_small(left.offer.given):
        return f"{left.free:,}"
    at_least = left.free + left.offer.given - few.FEWEST_PEOPLE + 1
    return f"≥ {at_least:,}" if at_least > 0 else few.told(1)


def stock_words(left: codes.Stock) -> str:
    """How many are left, and for how long; the pace tells how many were given this week."""
    told_left = ngettext("%s code is left.", "%s codes are left.", left.free) % told_free(left)
    if left.days_left is None:
        return f"{told_left} {gettext('None was given out in the last seven days.')}"
    if few.is_small(round(left.a_day * PACE_OVER.days)):
        lately = gettext("Fewer than %s were given out in the last seven days.") % few.FEWEST_PEOPLE
        return f"{told_left} {lately}"
    days = max(0, round(left.days_left))
    lasts = ngettext("At this week's pace they last %s day.", "At this week's pace they last %s days.", days)
    return f"{told_left} {lasts % f'{days:,}'}"


def pool_section(offer: Offer) -> Section:
    left = codes.stock([offer], at=timezone.now())[offer.pk]
    warning = f"{gettext('Running low.')} " if left.is_low else ""
    rows = [
        (
            told_time(batch.created_at),
            batch.get_origin_display(),
            batch.name or "–",
            f"{batch.count:,}",
            told_time(batch.expires_at),
            batch.created_by or "–",
        )
        for batch in offer.batches.order_by("-pk")[:20]
    ]
    every = reverse("admin:campaigns_code_changelist")
    return Section(
        f"{gettext('Pool of codes')}: {warning}{stock_words(left)}",
        (_("added"), _("origin"), _("file"), _("codes"), _("expire"), _("by")),
        rows,
        empty=_(
            "No codes yet: “Add codes” makes them or brings them in from a file. Until then nobody gets this offer."
        ),
        more=f"{every}?offer__id__exact={offer.pk}" if rows else "",
    )
