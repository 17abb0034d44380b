"""What waits for whoever keeps people's trust: demands by law, and the proof."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.home.need import Asking, Need, listed
from customers import request_alarms
from customers.proof import verification


def demands(asking: Asking) -> list[Need]:
    """Demands of people by law, by their clocks. One query."""
    alarms, found, lists = request_alarms.alarms(at=asking.now), [], "customers.view_privacyrequest"
    if alarms.overdue:
        told_n, n = asking.told(lists, alarms.overdue)
        told = ngettext("%s privacy request is overdue by law.", "%s privacy requests are overdue by law.", n)
        link = listed("customers_privacyrequest", "clock=overdue")
        found.append(Need(told % told_n, _("Answer"), link, "harm"))
    if alarms.soon:
        told_n, n = asking.told(lists, alarms.soon)
        told = ngettext(
            "%s privacy request is due within seven days.",
            "%s privacy requests are due within seven days.",
            n,
        )
        link = listed("customers_privacyrequest", "clock=soon")
        found.append(Need(told % told_n, _("Answer"), link, "attention"))
    if alarms.waiting:
        told_n, n = asking.told(lists, alarms.waiting)
        told = ngettext("%s correction waits for your yes.", "%s corrections wait for your yes.", n) % told_n
        link = listed("customers_privacyrequest", "type__exact=rectification&clock=living")
        found.append(Need(told, _("Look"), link))
    return found


def proof(asking: Asking) -> list[Need]:
    """Two queries."""
    link = reverse("admin:customers_checkpoint_verify")
    return [Need(told, _("Look"), link, "harm") for told in verification.alarms(at=asking.now)]
