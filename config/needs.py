"""What waits for a person at the desk, the gravest first, of what their role may do."""

from collections.abc import Callable
from datetime import datetime

from campaigns.figures import Figures
from config.home import needs_counted, needs_of_sending, needs_of_trust, needs_of_work
from config.home.need import Asking, Need, Reader, by_weight
from config.home.needs_of_machines import machines

__all__ = ["Need", "Reader", "everything"]

# (the right to do what is asked, who knows of it)
SOURCES: tuple[tuple[str, Callable[[Asking], list[Need]]], ...] = (
    ("customers.view_privacyrequest", needs_of_trust.demands),
    ("customers.view_checkpoint", needs_of_trust.proof),
    # Everybody is told that nothing leaves, also where somebody else must release it.
    ("campaigns.view_campaign", needs_of_sending.held),
    ("campaigns.change_campaign", needs_of_sending.campaigns),
    ("campaigns.change_webhookendpoint", needs_of_sending.webhooks),
    ("customers.change_shopconnection", needs_of_sending.shops),
    ("auth.view_user", machines),
    ("campaigns.view_campaign", needs_of_work.ratios),
    ("campaigns.change_offer", needs_of_work.offers),
    ("recommender.change_trainingrun", needs_of_work.models),
    ("campaigns.change_campaign", needs_of_work.campaigns),
    ("campaigns.view_campaign", needs_of_work.reports),
)


def everything(now: datetime, user: Reader | None = None, figures: Figures | None = None) -> list[Need]:
    """Everything that waits for a person, the gravest first; without a reader in tens, and of every role's."""
    asking = Asking(now, user, figures)
    found = [need for right, asked in SOURCES if asking.may(right) for need in asked(asking)]
    return by_weight([*found, *needs_counted.counted(asking)])
