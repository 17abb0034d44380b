"""What keeps messages from leaving or arriving, and who must look: campaigns, webhooks, shops."""

from datetime import timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import stopping
from campaigns.models import Campaign, WebhookEndpoint
from config.home.need import Asking, Need, folded, listed, page
from customers import few, installation, suppression
from customers.models import ShopConnection

SILENT = timedelta(days=1)
RELEASES = "customers.change_installation"


def held(asking: Asking) -> list[Need]:
    """That nothing leaves: whoever may release it is led there, the others are told who may. One query."""
    found = []
    row = asking.installation
    if row is not None and row.held_since is not None:
        told = [_("Nothing is sent."), *installation.reasons(row)]
        if asking.may(RELEASES):
            link = page("customers_installation", row.pk)
            found.append(Need(" ".join(told), _("Look, and release"), link, "harm"))
        else:
            told.append(_("A privacy officer or an administrator may release it."))
            found.append(Need(" ".join(told), "", "", "harm"))
    if suppression.is_unanswerable():
        why = f"{_('Nothing is sent.')} {_(installation.KEY_GONE)}"
        opens = asking.may("customers.view_suppression")
        link = reverse("admin:customers_suppression_changelist") if opens else ""
        found.append(Need(why, _("Look") if opens else "", link, "harm"))
    return found


def campaigns(asking: Asking) -> list[Need]:
    """Campaigns that stopped by themselves, and those that may soon. Two queries, and three for each that draws harm."""
    rows = Campaign.objects.filter(status=Campaign.Status.PAUSED).exclude(stopped_because="")
    stopped = [
        Need(
            _("“%(name)s” stopped by itself: %(why)s")
            % {"name": campaign.name, "why": campaign.stopped_because},
            _("Look"),
            page("campaigns_campaign", campaign.pk),
            "harm",
        )
        for campaign in rows.only("name", "stopped_because").order_by("pk")
    ]
    complained, failing = [], []
    for health in stopping.health():
        link = page("campaigns_campaign", health.campaign.pk)
        if health.warns:
            complained.append(Need(_complaints(health), _("Look"), link, "attention"))
        limit = health.campaign.stop_at_errors
        # Half of what would stop it is worth a look before it does.
        if health.ended >= stopping.FEWEST and 2 * health.errors_percent >= limit and health.errors_percent:
            told = _("Messages of “%(name)s” fail; at %(limit)s %% of them it stops by itself.") % {
                "name": health.campaign.name,
                "limit": f"{limit:.1f}",
            }
            failing.append(Need(told, _("Look"), link, "attention"))
    running = listed("campaigns_campaign", "status__exact=running")
    return [
        *folded(
            stopped,
            lambda n: (
                ngettext("%s campaign stopped by itself.", "%s campaigns stopped by themselves.", n) % n
            ),
            action=_("Look"),
            link=listed("campaigns_campaign", "status__exact=paused"),
        ),
        *folded(
            complained,
            lambda n: ngettext("%s campaign draws complaints.", "%s campaigns draw complaints.", n) % n,
            action=_("Look"),
            link=running,
        ),
        *folded(
            failing,
            lambda n: ngettext("Messages of %s campaign fail.", "Messages of %s campaigns fail.", n) % n,
            action=_("Look"),
            link=running,
        ),
    ]


def _complaints(health: stopping.Health) -> str:
    # The share of a few who complained, times what was sent, is their number.
    share = max(health.complaints_percent, stopping.WARNS_AT)
    share = stopping.WARNS_AT if health.complaints < few.FEWEST_ORDERS else share
    return _("“%(name)s” draws complaints: %(share)s %% of its messages or more.") % {
        "name": health.campaign.name,
        "share": f"{share:.2f}",
    }


def webhooks(asking: Asking) -> list[Need]:
    """Webhooks that stopped by themselves, and those where nothing arrives. One query."""
    stopped, failing = [], []
    own = ("", WebhookEndpoint.Because.PERSON)
    for row in WebhookEndpoint.objects.order_by("pk"):
        link = page("campaigns_webhookendpoint", row.pk)
        if row.paused_because not in own:
            words = {"name": row.name, "why": row.get_paused_because_display()}
            told = _("The webhook “%(name)s” stopped by itself: %(why)s.") % words
            stopped.append(Need(told, _("Look"), link, "harm"))
        elif row.paused_at is None and row.failing_since and row.failing_since < asking.now - SILENT:
            told = _("Nothing arrives at the webhook “%s” since yesterday or longer.") % row.name
            failing.append(Need(told, _("Look"), link, "attention"))
    return folded(
        [*stopped, *failing],
        lambda n: ngettext("%s webhook does not arrive.", "%s webhooks do not arrive.", n) % n,
        action=_("Look"),
        link=listed("campaigns_webhookendpoint"),
    )


def shops(asking: Asking) -> list[Need]:
    """Connected shops that take nothing in, or ask to be forgotten. One query."""
    found = []
    for row in ShopConnection.objects.order_by("pk"):
        link = page("customers_shopconnection", row.pk)
        if row.forget_asked_at is not None:
            told = _("The shop “%s” asked us to forget everything it gave.") % row.label
            found.append(Need(told, _("Answer"), link, "harm"))
        elif not row.is_active:
            told = _("The connected shop “%s” is switched off: its orders do not come in.") % row.label
            found.append(Need(told, _("Look"), link, "attention"))
    return folded(
        found,
        lambda n: ngettext("%s connected shop needs a look.", "%s connected shops need a look.", n) % n,
        action=_("Look"),
        link=listed("customers_shopconnection"),
    )
