"""A report as it may be shown: no number of fewer than 20 people, or of fewer than 10 who bought or clicked (N1).

A number that is held back is None. Where a total is known, so many others go with it that subtracting tells of as many
people at the least (`thin.blank`).
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from campaigns.reports import thin
from campaigns.reports.codes import CENT
from campaigns.reports.effect import Arm, Effect
from campaigns.reports.people import People
from campaigns.reports.thin import FEWEST_ORDERS, FEWEST_PEOPLE, is_small
from campaigns.reports.whole import Report
from customers import few

Counts = dict[str, int | None]
# What a message passes through within minutes: one row, so that no page tells which of twenty is on its way.
ON_ITS_WAY = ("claimed", "transmitting")
TOO_FEW = f"Too few: a number is shown of at least {FEWEST_PEOPLE} people, and of {FEWEST_ORDERS} who bought."


def shown(report: Report, people: People) -> Report:
    """Everything of it that may be shown by itself, whatever was shown before."""
    waterfall = waterfall_of(report.waterfall)
    sendable = waterfall.get("sendable")
    fates, reasons, bounded = fates_of(report.fates, sendable, report.suppressed_at_sending)
    given = codes_of(report.codes)
    # What sending cost tells how many were sent: where that may not be told, it is told as if all had been sent.
    is_blurred = bounded or any(fates.get(status, 0) is None for status in ("sent", "unknown"))
    cost = report.sending_cost
    if is_blurred and cost:
        sent = sum(report.fates.get(status) or 0 for status in ("sent", "unknown"))
        cost = (cost * sendable / sent).quantize(CENT) if sent and sendable else None
    orders = None if is_small(report.attributed_people, FEWEST_ORDERS) else report.attributed_orders
    found = replace(
        _people(report, people),
        waterfall=waterfall,
        fates=fates,
        suppressed_at_sending=reasons,
        at_least=bounded,
        touched={
            kind: None if n is None or is_small(n, fewest_of(kind)) else n
            for kind, n in report.touched.items()
        },
        codes=given,
        attributed_people=None if orders is None else report.attributed_people,
        attributed_orders=orders,
        attributed_revenue=None if orders is None else report.attributed_revenue,
        sending_cost=cost,
    )
    return found


def fewest_of(kind: str) -> int:
    """Of people who opened, clicked or ordered: how many may be told of."""
    return FEWEST_PEOPLE if kind.startswith("opened") else FEWEST_ORDERS


# --- counts without people behind them ---------------------------------------------------------------------------------


def waterfall_of(counted: Mapping[str, Any]) -> dict[str, Any]:
    """The steps of a waterfall, of which the sum is `matched`; all None where fewer than 20 match."""
    flat = dict(_flat(counted))
    known = [n for n in flat.values() if n is not None]
    if len(known) < len(flat):
        return dict(counted)  # it has been through here before
    matched = counted.get("matched", 0)
    hidden = set(flat) if is_small(matched) else thin.blank(flat, [k for k, n in flat.items() if is_small(n)])
    return {
        name: {inner: None if (name, inner) in hidden else n for inner, n in value.items()}
        if isinstance(value, Mapping)
        else (None if (name, "") in hidden or (name == "matched" and is_small(value)) else value)
        for name, value in counted.items()
    }


def in_tens(counted: Mapping[str, Any], *, hides_nobody: bool = False) -> dict[str, Any]:
    """A waterfall for whoever may not see people: counted in tens, None for fewer than 20; its rows add up no more.

    hides_nobody : nought is None too, and who is suppressed one row (its reason ""). A rule that anybody may write asks
    about one person as well, of whom a nought would be an answer.
    """
    exact = dict(counted)
    if hides_nobody:
        exact["suppressed"] = {"": sum(exact.get("suppressed", {}).values())}
    matched = exact.get("matched", 0)

    def told(n: int | None) -> int | None:
        if n is None or is_small(matched) or is_small(n) or (hides_nobody and n < FEWEST_PEOPLE):
            return None
        return few.in_tens(n)

    return {
        name: {inner: told(n) for inner, n in value.items()} if isinstance(value, Mapping) else told(value)
        for name, value in waterfall_of(exact).items()
    }


def ten_of(n: int | None, *, is_at_least: bool = False) -> int | None:
    """The nearest ten of a number that may be told; of a lower bound the ten below."""
    return n if n is None else n // few.TEN * few.TEN if is_at_least else few.in_tens(n)


def _flat(counted: Mapping[str, Any]) -> list[tuple[tuple[str, str], Any]]:
    """The rows whose sum is `matched`."""
    found: list[tuple[tuple[str, str], Any]] = []
    for name, value in counted.items():
        if isinstance(value, Mapping):
            found += [((name, inner), n) for inner, n in value.items()]
        elif name != "matched":
            found.append(((name, ""), value))
    return found


def fates_of(
    fates: Mapping[str, int | None], sendable: int | None, reasons: Mapping[str, int | None]
) -> tuple[Counts, Counts, list[str]]:
    """What became of whoever was sendable, why some were suppressed, and which of the fates is a lower bound.

    Most messages have one fate and a few another. Blanking the one for the few's sake would leave nothing to read: it is
    told as at least the sum of both less 19, which says no more of the few than that they are fewer than 20.
    """
    known: dict[str, int] = {}
    for status, n in fates.items():
        if n is None:
            return dict(fates), dict(reasons), []
        status = "planned" if status in ON_ITS_WAY else status
        known[status] = known.get(status, 0) + n
    few = {status for status, n in known.items() if is_small(n)}
    found: Counts = {status: None if status in few else n for status, n in known.items()}
    bounded = []
    if sendable is None or few == {status for status, n in known.items() if n}:
        found = dict.fromkeys(known) if few or sendable is None else found
    elif few and (len(few) == 1 or sum(known[status] for status in few) < FEWEST_PEOPLE):
        most = max((status for status in known if status not in few), key=lambda status: known[status])
        sum_of_both = known[most] + sum(known[status] for status in few)
        found[most], bounded = max(sum_of_both - FEWEST_PEOPLE + 1, 0), [most]
    why = {reason: n or 0 for reason, n in reasons.items()}
    if found.get("suppressed", 0) is None or "suppressed" in bounded:
        silent = set(why)
    else:
        silent = thin.blank(why, [reason for reason, n in why.items() if is_small(n)])
    return found, {reason: None if reason in silent else n for reason, n in why.items()}, bounded


def codes_of(codes: Mapping[str, Any]) -> dict[str, Any]:
    """Codes given, to 20 people at the least, and what 10 at the least did with them; their money only with them."""
    found = dict(codes)
    if is_small(codes["assigned"]):
        found["assigned"] = None
    for name in ("redeemed", "redeemed_by_control", "reversed", "used_by_someone_else", "leaked", "refused"):
        if is_small(codes[name], FEWEST_ORDERS):
            found[name] = None
    if not _may_tell_expired(codes):
        found["expired"] = None
    redeemed, control = codes["redeemed"], codes["redeemed_by_control"]
    if redeemed is None or is_small(redeemed, FEWEST_ORDERS):
        found |= {"discount": None, "discount_treated": None, "discount_control": None}
    elif control is None or is_small(control, FEWEST_ORDERS) or is_small(redeemed - control, FEWEST_ORDERS):
        found |= {"discount_treated": None, "discount_control": None, "redeemed_by_control": None}
    return found


def _may_tell_expired(codes: Mapping[str, Any]) -> bool:
    """Neither they, nor those whose code still waits, are a few; each code is one person's, as those given are."""
    given, expired = codes["assigned"], codes.get("expired")
    if given is None or expired is None or codes["redeemed"] is None or codes["reversed"] is None:
        return False
    still_held = max(given - codes["redeemed"] - codes["reversed"] - expired, 0)
    return not is_small(expired) and not is_small(still_held)


# --- people ------------------------------------------------------------------------------------------------------------


def _people(report: Report, people: People) -> Report:
    found = replace(
        report,
        not_measured=None if is_small(report.not_measured) else report.not_measured,
        still_measured=None if is_small(report.still_measured) else report.still_measured,
        in_two_arms=None if is_small(report.in_two_arms) else report.in_two_arms,
    )
    treated, control = arms_of(report.treated, report.control, people)
    found = replace(found, treated=treated, control=control)
    if treated.people is None:
        found = replace(found, sample_ratio_p=None)
    return _without_effect(found) if None in (treated.ordered, control.ordered) else found


def arms_of(treated: Arm, control: Arm, people: People) -> tuple[Arm, Arm]:
    """Two arms as they may be shown. Their sum is known elsewhere: a small one takes the other along."""
    arms = (treated, control)
    if any(is_small(arm.people) for arm in arms):
        return Arm(None, None, None, None), Arm(None, None, None, None)
    # A refund is somebody's too: who paid anything, or got it back.
    paid = [int((people.revenue[mask] != 0).sum()) for mask in (people.treated, ~people.treated)]
    first, second = (
        replace(arm, ordered=None, revenue=None, per_person=None)
        if is_small(n, FEWEST_ORDERS) or is_small(arm.ordered, FEWEST_ORDERS)
        else arm
        for arm, n in zip(arms, paid, strict=True)
    )
    return first, second


def _without_effect(report: Report) -> Report:
    """An effect would tell what a few spent."""
    variants = report.variants
    if variants is not None:
        rows = [replace(row, effect=None, low=None, high=None, verdict="") for row in variants.rows]
        variants = replace(variants, rows=rows)
    segments = [
        replace(
            row, treated=None, control=None, per_person=None, low=None, high=None,
            treated_per_person=None, control_per_person=None, offer=", ".join(cell.offer for cell in row.cells),
            cells=tuple(replace(cell, people=None, ordered=None, revenue_per_person=None) for cell in row.cells),
        )
        for row in report.segments
    ]  # fmt: skip
    why = report.why_no_effect or TOO_FEW
    return replace(
        report, effect=None, why_no_effect=why, beside=None, days=[], segments=segments, variants=variants
    )


def with_profit(report: Report, *, margin_percent: Decimal) -> Report:
    """Its profit, from the numbers it shows and no others: an exact one would tell the discounts and the sending."""
    report = replace(report, margin_percent=margin_percent)
    effect, parts = report.effect, [report.codes["discount_treated"], report.codes["discount_control"]]
    if effect is None:
        return report
    if None in parts or report.sending_cost is None:
        return replace(report, effect=replace(effect, profit=None, profit_low=None, profit_high=None))
    spent = float(parts[0] - parts[1] + report.sending_cost.quantize(CENT))
    return replace(report, effect=_profit(effect, float(margin_percent) / 100, spent))


def _profit(effect: Effect, margin: float, spent: float) -> Effect:
    return replace(
        effect,
        profit=effect.total * margin - spent,
        profit_low=effect.total_low * margin - spent,
        profit_high=effect.total_high * margin - spent,
    )
