"""What a report says of a campaign's effect, in sentences for people: how much, how sure, or why not."""

from django.utils.translation import gettext as _

from campaigns import experiments, statistics
from campaigns.admin.words import few, money
from campaigns.disclosure import READ_EARLY
from campaigns.reports import FEWEST_ORDERS, FEWEST_PEOPLE, Arm, Report


def report_money(report: Report) -> dict[str, str]:
    """The amounts of a report, each written as everywhere on the desk."""
    effect, codes = report.effect, report.codes
    told = {
        "treated": report.treated.revenue,
        "control": report.control.revenue,
        "discount": codes["discount"],
        "discount_control": codes["discount_control"],
        "sending_cost": report.sending_cost,
        "attributed": report.attributed_revenue,
    }
    written = {name: money(value, report.currency) for name, value in told.items()}
    if effect is not None:
        for name, value, low, high in (
            ("per_person", effect.per_person, effect.low, effect.high),
            ("total", effect.total, effect.total_low, effect.total_high),
            ("profit", effect.profit, effect.profit_low, effect.profit_high),
        ):
            written[name] = money(value, report.currency, sign=True)
            written[f"{name}_range"] = f"{low:,.2f} … {high:,.2f}" if low is not None else "–"
    return written


def verdict(report: Report) -> str:
    """The first line of a report: what the campaign did, and how sure that is."""
    effect = report.effect
    if effect is None:
        return why_no_effect(report)
    told = {
        "money": money(effect.per_person, report.currency, sign=True),
        "low": f"{effect.low:,.2f}",
        "high": f"{effect.high:,.2f}",
        "treated": few(report.treated.people),
        "control": few(report.control.people),
    }
    if effect.verdict == "earned":
        sentence = _(
            "It earned %(money)s per person (%(low)s to %(high)s), %(treated)s in the campaign against %(control)s held out."
        )
    elif effect.verdict == "cost":
        sentence = _(
            "It cost %(money)s per person (%(low)s to %(high)s), %(treated)s in the campaign against %(control)s held out."
        )
    else:
        sentence = _(
            "Cannot tell yet: %(money)s per person (%(low)s to %(high)s), "
            "%(treated)s in the campaign against %(control)s held out."
        )
    more = effect.people_needed if effect.verdict not in ("earned", "cost") else None
    return sentence % told + (" " + _("About %s more customers are needed.") % f"{more:,}" if more else "")


def why_no_effect(report: Report) -> str:
    """The report's own reasons, in the reader's language; they are asked in the report's order."""
    treated, control = report.treated, report.control
    if treated.people is None or control.people is None:
        return _("Each group needs at least %s people.") % FEWEST_PEOPLE
    if not treated.people + control.people:
        return _("Nobody has been planned yet.")
    if not control.people:
        return _("There is no control group, so nothing can be said about what the campaign caused.")
    if report.sample_ratio_p is not None and report.sample_ratio_p < experiments.SAMPLE_RATIO_ALARM:
        return _(
            "The groups have sizes that chance does not make (p = %s): someone was lost on the way to one of them."
        ) % (f"{report.sample_ratio_p:.2g}")
    if min(treated.people, control.people) < FEWEST_PEOPLE:
        return _("Each group needs at least %s people.") % FEWEST_PEOPLE
    if report.is_over and (treated.ordered is None or control.ordered is None):
        return _("Fewer than %s people of a group bought: an effect would tell of a few.") % FEWEST_ORDERS
    if report.why_no_effect == READ_EARLY:
        return _(
            "It was last read before its end, and too few people have changed since to say anything new."
        )
    if not report.is_over:
        return _(
            "Too early to say what it caused: that takes %(least)s buyers in each group, and the smaller has %(fewest)s so far."
        ) % {"least": statistics.MINIMUM_ORDERS, "fewest": fewest_bought(treated, control)}
    return report.why_no_effect


def fewest_bought(*arms: Arm) -> str:
    bought = [arm.ordered for arm in arms]
    if None in bought:
        return _("fewer than %s") % FEWEST_ORDERS
    return f"{min(n for n in bought if n is not None):,}"
