"""What of a report may leave the house, so that nobody is told by a number, nor by two reports subtracted (N1).

Every door asks `released`. Small cells are blank (`reports.small`). What was shown is kept as a SavedReport; a later
report whose number differs from one that was shown by a few people repeats what was shown, with its date, until enough
has changed. docs/algorithms/disclosure.md says what that stops, and what it does not.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from campaigns.models import Campaign, Headline, SavedReport
from campaigns.reports import Report, headline, small, whole
from campaigns.reports.people import Period
from campaigns.reports.sketches import CellSketch, Guard, Shown
from campaigns.reports.stored import restored
from campaigns.reports.thin import FEWEST_ORDERS, FEWEST_PEOPLE, is_small

MOST = 50
"""So many earlier reports are compared with; each of them lay at least twenty people, or ten buyers, apart."""
TRIES = 3
LARGE = 50_000
"""Of so many people a report that is less than a day old is shown as it was (`kept`)."""
VERSION = 1
"""Of the report's shape: what another version wrote cannot be repeated, and is not compared with."""
PEOPLE = (
    "read_from", "read_until", "is_over", "treated", "control", "not_measured", "still_measured", "in_two_arms",
    "sample_ratio_p", "effect", "why_no_effect", "beside", "segments", "variants", "days", "mixes_arms",
)  # fmt: skip
# Parts of counts alone: what is kept together, because one is told by the others.
PARTS: Mapping[str, tuple[str, ...]] = {
    "waterfall": ("waterfall", "fates", "suppressed_at_sending", "at_least", "sending_cost", "adds_up"),
    "codes": ("codes",),
    "attributed": ("attributed_revenue", "attributed_orders", "attributed_people"),
    "touched": ("touched",),
}
READ_EARLY = "It was last read before its end, and too few people have changed since to say anything new."
Counted = dict[str, int | None]


class Changed(Exception):
    """Somebody else was shown a report in the meantime: this one must be compared with theirs too."""


def released(campaign: Campaign, *, at: datetime, until: datetime | None = None, by: str) -> Report:
    """The campaign's report as it may be shown to anybody, and kept as shown where it is new.

    A few queries more than the report itself. Whoever asks at the same moment is answered one after the other; after
    three tries what was shown last is repeated.
    """
    for _try in range(TRIES):
        earlier = list(_saved(campaign)[:MOST])
        report, cells = _compared(campaign, earlier, at=at, until=until)
        if earlier and cells == _kept(earlier[0]):
            return _told(campaign, report, at=at, until=until)
        try:
            _keep(campaign, report, cells, newest=earlier[0] if earlier else None, by=by, at=at)
        except Changed:
            continue
        return _told(campaign, report, at=at, until=until)
    return as_shown(_saved(campaign)[0].cells["report"])


def kept(campaign: Campaign, *, at: datetime) -> Report | None:
    """The newest report of a large campaign, as it was shown, where it is not stale; None: it is to be worked out.

    Of a million people a report takes seconds, which is the background's work and not a page's. Two queries.
    """
    row = Headline.objects.filter(campaign=campaign).first()
    if row is None or headline.is_stale(row, at=at) or (row.treated or 0) + (row.control or 0) < LARGE:
        return None
    last = _saved(campaign).values_list("cells__report", flat=True).first()
    try:
        found = as_shown(last or {})
    except (KeyError, TypeError):
        return None
    # The newest may be one that was read before its end, which is not the campaign's.
    is_own = found.is_over == (row.ends_at is not None and row.at is not None and row.ends_at <= row.at)
    return found if is_own else None


def _told(campaign: Campaign, report: Report, *, at: datetime, until: datetime | None) -> Report:
    """The report, its first line noted for the list of all; one that was read before its end is not the campaign's."""
    if until is None:
        report = _own(campaign, report, at=at)
        headline.note(campaign, report, at=at)
    return report


def _own(campaign: Campaign, report: Report, *, at: datetime) -> Report:
    """Where what is repeated was read as if the window had ended, and that is still open: without its effect."""
    if not report.is_over or ((ends := Period.of(campaign, at=at).ends) is not None and ends <= at):
        return report
    return replace(
        report,
        is_over=False,
        effect=None,
        why_no_effect=READ_EARLY,
        beside=None,
        segments=[],
        variants=None,
        days=[],
    )


def as_shown(stored: Mapping[str, Any]) -> Report:
    """A report that was kept, as it was shown. Raises KeyError where another version wrote it."""
    codes = {
        name: Decimal(value) if name.startswith("discount") and value is not None else value
        for name, value in stored["codes"].items()
    }
    return replace(restored(Report, stored), codes=codes)


def _saved(campaign: Campaign) -> QuerySet[SavedReport]:
    """The newest first."""
    return SavedReport.objects.filter(campaign=campaign, cells__version=VERSION).order_by("-pk")


def _compared(
    campaign: Campaign, earlier: list[SavedReport], *, at: datetime, until: datetime | None
) -> tuple[Report, dict[str, Any]]:
    """The report with every part either new or repeated, and what it shows, to be kept."""
    key = earlier[0].cells["key"] if earlier else secrets.randbits(60)
    guard = Guard(key, tuple(_shown(row) for row in earlier))
    exact, people = whole.read(campaign, guard, at=at, until=until)
    report = small.shown(exact, people)
    if report.treated.people is None:
        guard.shown.clear()
    counts = {part: counted(report, part) for part in PARTS}
    sketches = {name: cell.as_json() for name, cell in guard.cells.items()}
    cells: dict[str, Any] = {
        "version": VERSION,
        "key": key,
        "people": sketches,
        "shown": sorted(guard.shown),
        "counts": counts,
    }
    kept: dict[str, datetime] = {}
    if earlier:
        last, old = earlier[0].cells, as_shown(earlier[0].cells["report"])
        moments = {"at": old.at, **old.kept_from}
        if not _may_show(guard):
            report = replace(report, **{name: getattr(old, name) for name in PEOPLE})
            cells |= {"people": last["people"], "shown": last["shown"]}
            kept["people"] = moments.get("people", old.at)
        for part, names in PARTS.items():
            if any(_is_near(part, counts[part], row.cells["counts"][part]) for row in earlier):
                report = replace(report, **{name: getattr(old, name) for name in names})
                counts[part] = last["counts"][part]
                kept[part] = moments.get(part, old.at)
    report = small.with_profit(replace(report, kept_from=kept), margin_percent=campaign.margin_percent)
    return report, cells


def _may_show(guard: Guard) -> bool:
    return not any(guard.is_near(name) for name in ("treated", "control"))


def _shown(row: SavedReport) -> Shown:
    cells = {name: CellSketch.from_json(stored) for name, stored in row.cells["people"].items()}
    return Shown(cells, frozenset(row.cells["shown"]))


def _kept(row: SavedReport) -> dict[str, Any]:
    return {name: value for name, value in row.cells.items() if name != "report"}


def _keep(
    campaign: Campaign,
    report: Report,
    cells: dict[str, Any],
    *,
    newest: SavedReport | None,
    by: str,
    at: datetime,
) -> None:
    """Three queries. Raises Changed, and keeps nothing, where a newer report was kept meanwhile."""
    with transaction.atomic():
        Campaign.objects.select_for_update(of=("self",)).only("pk").get(pk=campaign.pk)
        last = _saved(campaign).values_list("pk", flat=True).first()
        if last != (newest.pk if newest else None):
            raise Changed
        if newest is not None:
            # Only the newest is ever repeated; of the others it is enough to know who stood where.
            SavedReport.objects.filter(pk=newest.pk).update(cells=_kept(newest))
        SavedReport.objects.create(
            campaign=campaign, at=at, by=by[:150], cells={**cells, "report": report.as_dict()}
        )


# --- counts alone ------------------------------------------------------------------------------------------------------


def counted(report: Report, part: str) -> Counted:
    """The numbers of one part as they are shown, by name; money in cents, because a changed sum tells of somebody too."""
    match part:
        case "waterfall":
            steps = {
                f"step:{name}:{inner}": n
                for name, value in report.waterfall.items()
                for inner, n in (value.items() if isinstance(value, Mapping) else [("", value)])
            }
            fates = {f"fate:{status}": n for status, n in report.fates.items()}
            return {
                **steps,
                **fates,
                **{f"why:{reason}": n for reason, n in report.suppressed_at_sending.items()},
            }
        case "codes":
            return {
                name: round(value * 100) if name.startswith("discount") and value is not None else value
                for name, value in report.codes.items()
                if name != "currency"
            }
        case "attributed":
            money = report.attributed_revenue
            return {
                "people": report.attributed_people,
                "orders": report.attributed_orders,
                "money": None if money is None else round(money * 100),
            }
    return dict(report.touched)


# Rows whose sum is shown: (the sum, what its rows' names begin with).
SUMS = (("step:matched:", "step:"), ("step:sendable:", "fate:"), ("fate:suppressed", "why:"))


def _is_near(part: str, mine: Counted, old: Counted) -> bool:
    """Whether a number of this part differs from one that was shown by a few people.

    What both show is compared one by one, a row that one of them lacks being nobody; so is what is left of a known sum.
    """
    names = {*mine, *old}
    both = {name for name in names if mine.get(name, 0) is not None and old.get(name, 0) is not None}
    apart = {name: (mine.get(name, 0) or 0) - (old.get(name, 0) or 0) for name in both}
    match part:
        case "waterfall":
            return any(is_small(abs(n)) for n in apart.values()) or any(
                total in both and is_small(abs(_left(apart, total, start))) for total, start in SUMS
            )
        case "attributed":
            return _moved(apart, "people", "orders", "money")
        case "codes":
            counts = {name: n for name, n in apart.items() if not name.startswith("discount")}
            return (
                any(
                    is_small(abs(n), FEWEST_PEOPLE if name in ("assigned", "expired") else FEWEST_ORDERS)
                    for name, n in counts.items()
                )
                or _moved(apart, "redeemed", "discount")
                or _moved(apart, "redeemed_by_control", "discount_control")
            )
    return any(is_small(abs(n), small.fewest_of(kind)) for kind, n in apart.items())


def _left(apart: Mapping[str, int], total: str, start: str) -> int:
    """By how much the rows that are not shown in both have changed in all."""
    return apart[total] - sum(n for name, n in apart.items() if name.startswith(start) and name != total)


def _moved(apart: Mapping[str, int], people: str, *others: str) -> bool:
    """Whether something changed that fewer than ten people did."""
    if people not in apart:
        return False
    n = abs(apart[people])
    return is_small(n, FEWEST_ORDERS) or (not n and any(apart.get(name, 0) for name in others))
