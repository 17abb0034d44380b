"""What the numbers of a campaign mean, in sentences and bars for people."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns.models import Campaign, Delivery
from campaigns.reports import small
from customers.few import told as told_exactly
from customers.few import told_in_tens
from customers.models import Suppression

Status = Campaign.Status
# The colour of a state, everywhere the same.
COLOURS = {
    "draft": "info",
    "approved": "primary",
    "running": "success",
    "paused": "warning",
    "finished": "default",
    "cancelled": "default",
    "archived": "default",
}
PURPOSES = {
    "analytics": gettext_noop("analytics"),
    "personalization": gettext_noop("personalization"),
    "marketing_email": gettext_noop("offers by e-mail"),
    "marketing_sms": gettext_noop("offers by text message"),
    "message_tracking": gettext_noop("noting opens and clicks"),
    "partner_sharing": gettext_noop("passing data to partners"),
}
FATES = (
    "sent",
    "retry",
    "failed",
    "suppressed",
    "unknown",
    "cancelled",
    "planned",
    "claimed",
    "transmitting",
)


@dataclass(frozen=True)
class Bar:
    """One line of a waterfall. `kind`: whole, loss, left or fate."""

    label: str
    n: int | None
    kind: str
    percent: float
    link: str = ""
    is_at_least: bool = False
    is_about: bool = False

    @property
    def told(self) -> str:
        about = "" if self.n is None else "≥ " if self.is_at_least else "≈ " if self.is_about else ""
        return f"{'− ' if self.kind == 'loss' else ''}{about}{few(self.n)}"


def few(n: float | Decimal | None, form: str = ",") -> str:
    """A number, or that it is held back because it would tell of a few people (N1)."""
    return _("too few to show") if n is None else f"{n:{form}}"


def sees_people(request: HttpRequest) -> bool:
    """Whether the reader may open the people themselves, and so count them; everybody else is told in tens."""
    return bool(request.user.has_perm("customers.view_customer"))


def people(n: int, *, in_tens: bool = False) -> str:
    """How many people a rule matches, as everywhere on the desk: of fewer than 20 only that they are fewer."""
    return told_in_tens(n) if in_tens else told_exactly(n)


def _losses(waterfall: Mapping[str, Any]) -> list[tuple[str, str, int | None]]:
    """(name, words, number) of everyone who fell out, in order."""
    reasons = dict(Suppression.Reason.choices)
    found = [
        ("no_consent", _("do not allow %s") % _(PURPOSES.get(purpose, purpose)), n)
        for purpose, n in sorted(waterfall.get("no_consent", {}).items())
    ]
    found += [
        (
            "suppressed",
            _("on the suppression list: %s") % reasons.get(reason, reason)
            if reason
            else _("on the suppression list"),
            n,
        )
        for reason, n in sorted(waterfall.get("suppressed", {}).items())
    ]
    plain = {
        "no_address": _("have no address"),
        "their_choice": _("paused it, or left the topic"),
        "holdout": _("in the global holdout"),
        "held_out": _("held out as the control group"),
        "capped": _("had enough messages lately"),
        "quiet_hours": _("wait for a good hour"),
        "no_offer": _("fit no offer"),
    }
    return found + [(name, words, waterfall.get(name, 0)) for name, words in plain.items()]


def bars(
    waterfall: Mapping[str, Any],
    *,
    fates: Mapping[str, int | None] | None = None,
    links: Mapping[str, str] | None = None,
    at_least: Collection[str] = (),
    in_tens: bool = False,
    hides_nobody: bool = False,
) -> list[Bar]:
    """The waterfall from matched to sent; losses of nobody are left out, and small numbers held back. The rows add up.

    in_tens, hides_nobody : for whoever may not see people (`small.in_tens`); the rows then add up no more.
    """
    links = links or {}
    exact = small.waterfall_of(waterfall)
    fates, _reasons, bounded = small.fates_of(fates or {}, exact.get("sendable", 0), {})
    waterfall = small.in_tens(waterfall, hides_nobody=hides_nobody) if in_tens else exact
    if in_tens:
        fates = {status: small.ten_of(n, is_at_least=status in bounded) for status, n in fates.items()}
    at_least = {*at_least, *bounded}
    matched = waterfall.get("matched", 0)

    def bar(name: str, words: str, n: int | None, kind: str) -> Bar:
        return Bar(
            words,
            n,
            kind,
            round(100 * (n or 0) / max(matched or 0, 1), 2),
            links.get(name, ""),
            kind == "fate" and name in at_least,
            in_tens and bool(n),
        )

    lines = [bar("matched", _("match"), matched, "whole")]
    lines += [bar(name, words, n, "loss") for name, words, n in _losses(waterfall) if n != 0]
    lines.append(bar("sendable", _("can be reached"), waterfall.get("sendable", 0), "left"))
    for status in FATES:
        if (n := fates.get(status, 0)) != 0:
            lines.append(bar(status, str(Delivery.Status(status).label), n, "fate"))
    if (n := fates.get("erased", 0)) != 0:
        lines.append(bar("erased", str(Delivery.Reason.ERASED.label), n, "fate"))
    return lines


def progress(fates: Mapping[str, int]) -> dict[str, str]:
    """Of its messages how many were planned, were sent and wait. They are counted anew at each look: in tens."""
    known: dict[str, int] = dict(fates)
    waiting = sum(known.get(status, 0) for status in ("planned", "retry"))
    counted = {"planned": sum(known.values()), "sent": known.get("sent", 0), "waiting": waiting}
    return {name: told_in_tens(n) if n else "0" for name, n in counted.items()}


def state(campaign: Campaign, fates: Mapping[str, int], problems: int = 0) -> str:
    """The line under a campaign's name."""
    planned, counted = sum(fates.values()), progress(fates)
    match campaign.status:
        case Status.DRAFT if problems:
            return _("Draft. Fill in the steps below; nobody gets anything before it is launched.")
        case Status.DRAFT:
            return _("Draft, complete. It waits for approval.")
        case Status.APPROVED:
            return _("Approved by %s. Nothing is sent before it is launched.") % (campaign.approved_by or "–")
        case Status.RUNNING if campaign.channel == Campaign.Channel.ONSITE:
            return _("Running: shown in the shop at “%s”.") % campaign.placement
        case Status.RUNNING if not planned:
            return _("Running. When it is due its people are chosen, and the messages leave.")
        case Status.RUNNING:
            return _("Running: %(sent)s of %(planned)s sent.") % counted + _trouble(fates)
        case Status.PAUSED if campaign.stopped_because:
            return (
                _("It stopped by itself: %s") % campaign.stopped_because
                + " "
                + _("%(sent)s of %(planned)s sent; nothing leaves until somebody resumes it.") % counted
            )
        case Status.PAUSED if not planned:
            return _("Paused before anything was sent; nothing leaves until it is resumed.")
        case Status.PAUSED:
            return _("Paused: %(sent)s of %(planned)s sent; nothing leaves until it is resumed.") % counted
        case Status.FINISHED:
            return _("Finished: %(sent)s of %(planned)s sent.") % counted + _trouble(fates)
        case Status.CANCELLED:
            return _("Cancelled: %(sent)s of %(planned)s had been sent.") % counted
    return _("Archived: %(sent)s of %(planned)s had been sent.") % counted


def _trouble(fates: Mapping[str, int]) -> str:
    if unknown := fates.get("unknown", 0):
        return " " + _("%s have an unknown fate and need a look.") % told_in_tens(unknown)
    return " " + _("Nothing needs you.")


def money(value: float | Decimal | None, currency: str, *, sign: bool = False) -> str:
    if value is None:
        return few(None)
    return f"{value:+,.2f} {currency}" if sign else f"{value:,.2f} {currency}"
