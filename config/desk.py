"""The desk's home: what needs somebody, the figures, what is running, and the way to the first campaign.

It counts nothing that grows with the shop: figures are read from the rows of `campaigns.figures`, the rest by indexes.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import experiments, figures
from catalog.pages import told_time
from config import needs
from config.first_steps import first_steps
from config.home import over_time
from config.home.figures import figures as cards
from config.home.health_of_mail import mail
from config.home.models_in_use import models_in_use
from config.home.need import Need
from config.home.running import running

# So many of what waits stand open; the others are folded away.
OPEN_NEEDS = 8


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows; a fixed number of queries, whatever the size."""
    now = timezone.now()
    if not request.user.has_perm("campaigns.view_campaign"):
        return {
            **context,
            "title": _("Home"),
            "sees_nothing": True,
            "needs": needs.everything(now, request.user),
        }
    found = figures.read(at=now)
    waiting = needs.everything(now, request.user, found)
    entries, more = running(found)
    may_begin = request.user.has_perm("campaigns.add_campaign")
    return {
        **context,
        "title": _("Home"),
        "state": _state(waiting, len(entries) + more),
        "needs": waiting[:OPEN_NEEDS],
        "needs_folded": waiting[OPEN_NEEDS:],
        "counted_at": told_time(found.counted_at) if found.counted_at else "",
        "figures": cards(request, found, experiments.holdouts(at=now).first()),
        "running": entries,
        "running_more": more,
        "first_steps": first_steps(request) if may_begin and not entries else [],
        "earnings": over_time.earnings(found, settings.DEFAULT_CURRENCY),
        "consents": over_time.consents(found),
        "mail": mail(request, found, now),
        "models": models_in_use(request, now),
    }


def _state(waiting: list[Need], n: int) -> str:
    """The line under the title."""
    runs = (
        ngettext("%s campaign is under way", "%s campaigns are under way", n) % n
        if n
        else _("No campaign is under way")
    )
    if not waiting:
        return _("%s, nothing needs you.") % runs
    grave = sum(need.weight == "harm" for need in waiting)
    told = ngettext("%s thing needs you", "%s things need you", len(waiting)) % len(waiting)
    if grave:
        told = _("%(needs)s (%(n)s of them urgent)") % {"needs": told, "n": grave}
    return _("%(runs)s; %(needs)s.") % {"runs": runs, "needs": told}
