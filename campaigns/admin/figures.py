"""The numbers behind the desk's home, a row a day."""

from django.conf import settings
from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.admin.words import PURPOSES
from campaigns.models import Bounce, DailyFigure
from catalog.pages import ReadOnly, shown

Name = DailyFigure.Name
SHARES = {Name.ALLOWS, Name.CAME_BACK, Name.OVERLAP}
MONEY = {Name.WORTH, Name.PROFIT, Name.HOLDOUT, Name.TREATED, Name.HELD_OUT, Name.EFFECT}
WHY = {
    "early": _("cannot be told yet"),
    "ratio": _("the groups have sizes that chance does not make"),
    "no_control": _("no control group"),
    "below": _("less than this"),
    "above": _("more than this"),
}


def _written(name: str) -> tuple[str, str]:
    """How a figure is written, and its unit."""
    if name in MONEY:
        return ",.2f", f" {settings.DEFAULT_CURRENCY}"
    return (".2%", "") if name in SHARES else (",.0f", "")


@admin.register(DailyFigure)
class DailyFigureAdmin(ReadOnly):
    about = _(
        "What the home and the papers show, as it was counted on each day. The first count follows within a minute or two."
    )
    list_display = ("day", "name", "about_what", "told_value", "people", "told_why", "counted_at")
    list_filter = ("name", "day")
    ordering = ("-day", "name", "about")
    fields = (("day", "counted_at"), ("name", "about_what"), ("told_value", "people"), "told_why")
    readonly_fields = ("about_what", "told_value", "told_why")

    @shown(_("of what"))
    def about_what(self, row: DailyFigure) -> str:
        if row.name == Name.CAME_BACK:
            return str(dict(Bounce.Kind.choices).get(row.about, row.about))
        return gettext(PURPOSES.get(row.about, row.about)) if row.about else "–"

    @shown(_("value"))
    def told_value(self, row: DailyFigure) -> str:
        if row.value is None:
            return "–"
        form, unit = _written(row.name)
        if row.low is None or row.high is None:
            return f"{row.value:{form}}{unit}"
        return f"{row.value:{form}} ({row.low:{form}} … {row.high:{form}}){unit}"

    @shown(_("remark"))
    def told_why(self, row: DailyFigure) -> str:
        return str(WHY.get(row.why, "–"))
