"""A report for the terminal: the verdict in words first, then everything that stands behind it."""

from collections.abc import Mapping
from decimal import Decimal

from campaigns.reports import Arm, Effect, Report, Variants

WIDTH = 40
FEW = "(few)"
WORDS = {
    "no_consent": "no consent",
    "suppressed": "on the suppression list",
    "no_address": "no address",
    "their_choice": "paused, or left the topic",
    "holdout": "in the global holdout",
    "held_out": "held out (control group)",
    "capped": "had enough messages lately",
    "quiet_hours": "waiting for a good hour",
    "no_offer": "no eligible offer",
}


def verdict(report: Report) -> str:
    """One sentence: what the campaign did, and how sure that is."""
    effect = report.effect
    if effect is None:
        return report.why_no_effect
    money = f"{effect.per_person:+.2f} {report.currency} per person ({effect.low:.2f} to {effect.high:.2f})"
    people = f"{told(report.treated.people)} treated against {told(report.control.people)} held out"
    if effect.verdict == "earned":
        return f"It earned: {money}, {people}."
    if effect.verdict == "cost":
        return f"It cost: {money}, {people}."
    more = f"; about {effect.people_needed:,} more customers needed" if effect.people_needed else ""
    return f"Cannot tell yet: {money}, {people}{more}."


def told(value: float | Decimal | None, form: str = ",") -> str:
    """A number, or that it is held back because it would tell of a few people."""
    return FEW if value is None else f"{value:{form}}"


def _share(arm: Arm) -> str:
    return FEW if arm.people is None or arm.ordered is None else f"{arm.ordered / max(arm.people, 1):.1%}"


def text(report: Report) -> str:
    lines = [f"{report.name} ({report.status})", "=" * 72, verdict(report), ""]
    lines += _waterfall(report)
    lines += _arms(report)
    if report.variants is not None:
        lines += _variants(report.variants)
    if report.segments:
        lines += ["By segment (treated less control, per person):"]
        for row in report.segments:
            if row.per_person is None:
                line = "too few people to show"
            else:
                line = f"{row.per_person:+8.2f} ({row.low:.2f} to {row.high:.2f}), {row.treated} against {row.control}"
            lines.append(f"  {row.segment:28} {line}")
            if row.offer:
                lines.append(f"  {'':28} {row.offer}")
        lines.append("")
    codes = report.codes
    lines += [
        f"Codes: {told(codes['assigned'])} given, {told(codes['redeemed'])} redeemed, "
        f"{told(codes['used_by_someone_else'])} by someone else, {told(codes['reversed'])} given back, "
        f"{told(codes['leaked'])} went round; discount {told(codes['discount'], '')} {report.currency}, "
        f"of it {told(codes['discount_control'], '')} to the control group.",
        f"Attributed, beside and not instead: {told(report.attributed_revenue, '')} {report.currency} in "
        f"{told(report.attributed_orders, '')} orders (last touch, {report.attribution['days_after_click']} days after a click, "
        f"{report.attribution['days_after_delivery']} after delivery where clicks may not be noted).",
    ]
    touched = report.touched
    lines.append(
        f"Opened by {told(touched.get('opened', 0))} people, clicked by {told(touched.get('clicked', 0))}; machines "
        f"opened {told(touched.get('opened_by_machine', 0))} and clicked "
        f"{told(touched.get('clicked_by_machine', 0))} (not counted)."
    )
    if FEW in "\n".join(lines):
        lines.append(f"{FEW} stands where a number would tell of a few people.")
    lines += [
        f"{part}: as shown on {at:%Y-%m-%d %H:%M} UTC, since too few people changed."
        for part, at in report.kept_from.items()
    ]
    lines += ["", *_method(report)]
    return "\n".join(lines)


def _waterfall(report: Report) -> list[str]:
    w = report.waterfall
    most = max(w.get("matched") or 0, 1)

    def bar(label: str, n: int | None, *, loss: bool = False) -> str:
        length = round((n or 0) / most * WIDTH)
        return f"  {('− ' if loss else '') + label:36} {told(n):>8}  {('░' if loss else '█') * length}"

    lines = ["Who, and who not:", bar("matched", w.get("matched", 0))]
    for name, words in WORDS.items():
        value = w.get(name, 0)
        if isinstance(value, Mapping):
            lines += [bar(f"{words}: {inner}", n, loss=True) for inner, n in sorted(value.items()) if n != 0]
        elif value != 0:
            lines.append(bar(words, value, loss=True))
    lines.append(bar("sendable", w.get("sendable", 0)))
    for status in (
        "sent",
        "retry",
        "failed",
        "suppressed",
        "unknown",
        "cancelled",
        "planned",
        "claimed",
        "transmitting",
        "erased",
    ):
        if (n := report.fates.get(status, 0)) != 0:
            least = "at least " if status in report.at_least else ""
            lines.append(bar(f"  {least}{status}", n))
    for reason, n in sorted(report.suppressed_at_sending.items()):
        lines.append(f"      suppressed when sending: {reason} {told(n)}")
    lines += ["  The rows add up." if report.adds_up else "  THE ROWS DO NOT ADD UP: something is wrong.", ""]
    return lines


def _arms(report: Report) -> list[str]:
    lines = [f"{'':12} {'people':>8} {'bought':>8} {'share':>7} {'revenue':>14} {'per person':>12}"]
    for name, arm in (("treated", report.treated), ("control", report.control)):
        lines.append(
            f"{name:12} {told(arm.people):>8} {told(arm.ordered):>8} {_share(arm):>7} {told(arm.revenue):>14} "
            f"{told(arm.per_person, '.2f'):>12}"
        )
    if report.not_measured != 0:
        lines.append(
            f"{told(report.not_measured)} people planned do not allow measuring and stand in neither arm."
        )
    if report.still_measured != 0 and not report.is_over:
        lines.append(f"The window of {told(report.still_measured)} people is still open.")
    if report.mixes_arms:
        lines.append(f"{told(report.in_two_arms)} people stand in both arms: the effect is blurred.")
    effect = report.effect
    if effect is not None:
        unit = report.currency
        lines += [
            "",
            f"Incremental revenue  {effect.total:>12,.2f} {unit} ({effect.total_low:,.2f} to {effect.total_high:,.2f})",
            f"Incremental profit   {told(effect.profit, ',.2f'):>12} {unit} ({told(effect.profit_low, ',.2f')} to "
            f"{told(effect.profit_high, ',.2f')}), after discounts and sending",
            _narrowed(effect),
            *_beside(report),
        ]
    return [*lines, ""]


def _narrowed(effect: Effect) -> str:
    estimate, low, high = effect.unadjusted
    without = f"without it: {estimate:+.2f}, {low:.2f} to {high:.2f}"
    if effect.narrowed_by < 0.005:
        return f"The past of the same people did not narrow the interval ({without})."
    return f"The past of the same people narrowed the interval by {effect.narrowed_by:.0%} ({without})."


def _beside(report: Report) -> list[str]:
    if report.beside is None:
        return []
    beside, unit = report.beside, report.currency
    orders = beside.orders
    lines = [
        f"Beside: share who ordered {orders.treated:.1%} against {orders.control:.1%}, {orders.difference:+.1%} "
        f"({orders.low:.1%} to {orders.high:.1%}), exploratory."
    ]
    if beside.bootstrap is not None:
        low, high = beside.bootstrap
        lines.append(
            f"Beside: by resampling people, the revenue per person is {low:.2f} to {high:.2f} {unit} apart."
        )
    if beside.winsorised is not None:
        value, low, high = beside.winsorised
        lines.append(
            f"Beside: with each person's money cut at {beside.cap:.2f} {unit}, {value:+.2f} ({low:.2f} to {high:.2f})."
        )
    return lines


def _variants(found: Variants) -> list[str]:
    lines = ["Variants (treated less control, per person; intervals for all comparisons together):"]
    for row in found.rows:
        if row.people is None:
            line = "too few people to show"
        else:
            line = f"{row.people:,} people, {row.ordered:,} bought, {row.per_person or 0.0:.2f} a person"
        if row.effect is not None:
            line += f", {row.effect:+.2f} ({row.low:.2f} to {row.high:.2f})"
        lines.append(f"  {row.name:28} {line}")
    if found.winner:
        lines.append(f"  {found.winner} brought more money per person than every other.")
    elif found.why_no_winner:
        more = f" About {found.people_needed:,} more people are needed." if found.people_needed else ""
        lines.append(f"  {found.why_no_winner}{more}")
    if found.is_weighted:
        lines.append("  Shares were learnt on the way: everyone counts by one over the chance they had.")
    return [*lines, ""]


def _method(report: Report) -> list[str]:
    if report.read_from is None or report.read_until is None:
        return []
    kind = (
        "95 % interval, Welch mended for uneven baskets (Hall)"
        if report.is_over
        else "95 % confidence sequence, which may be looked at any time"
    )
    return [
        f"How: intention to treat among people planned; revenue less refunds from {report.read_from:%Y-%m-%d %H:%M} to "
        f"{report.read_until:%Y-%m-%d %H:%M} UTC; CUPED on the equally long time before; {kind}; arms of the right "
        f"size (p = {told(report.sample_ratio_p, '.2f')})."
    ]
