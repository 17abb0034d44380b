"""The five roles of the desk and what each may do (S5); docs/roles.md is made from this by `manage.py roles`.

A role is a group that is put anew after every migration, so that a new room is opened to whom it concerns. Whoever
needs another cut makes a role of their own, under another name.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from config.papers.lines import ABOUT_NOBODY

ROOMS = ("catalog", "customers", "recommender", "campaigns")
DEEDS = ("view", "add", "change", "delete")

# Where a marketer works: what is said, to whom, when, and with which offers; the rows inside their pages too.
CRAFT = (
    "catalog.category", "catalog.product", "customers.topic", "recommender.placement", "recommender.promotion",
    "campaigns.campaign", "campaigns.campaignsegment", "campaigns.variant", "campaigns.segment", "campaigns.message",
    "campaigns.offer", "campaigns.offercap", "campaigns.placement", "campaigns.tag", "campaigns.frequencycap",
    "campaigns.quiethours", "campaigns.holdout", "campaigns.domainpace",
)  # fmt: skip
# What a marketer must see of people to write to them: what they allow and did, and who must be left in peace.
AUDIENCE = (
    "customers.customer", "customers.consentstate", "customers.event", "customers.contactchoice",
    "customers.softoptin", "customers.suppression",
)  # fmt: skip
POLICY = (
    "customers.notice",
    "customers.jurisdiction",
    "customers.sensitiveattribute",
    "customers.sensitiveuse",
)
# Kept from the officer too: who may log in, and with which keys shops and programs come in.
LOG_IN = ("auth.user", "auth.group", "axes.accessattempt", "axes.accessfailurelog", "axes.accesslog")
LOG = ("config.change",)
ACCESS = ("customers.apikey", "customers.idempotentreply", "customers.shopconnection")


@dataclass(frozen=True)
class Role:
    name: str
    about: str | Promise
    permissions: frozenset[str] = field(repr=False)
    """As Django names them: `campaigns.change_offer`. `change` is also what the buttons of a page ask for."""


def roles() -> list[Role]:
    """From who may least to who may most. Asks no row."""
    everything = [
        f"{room}.{model.__name__.lower()}"
        for room in ROOMS
        for model in apps.get_app_config(room).get_models()
    ]
    nobodys = {label.lower() for label in ABOUT_NOBODY}
    figures = [name for name in everything if name in nobodys and not name.startswith("customers.")]
    behind = [name for name in everything if not name.startswith("customers.")]
    seen = _may(("view",), [*figures, "customers.topic"])
    return [
        Role(
            gettext_noop("Viewer"),
            _("Sees campaigns, offers, messages and results; nothing of any one person."),
            seen,
        ),
        Role(
            gettext_noop("Marketer"),
            _(
                "Writes segments, offers, messages and campaigns, takes their steps, and sees whom they reach. Asks to use "
                "a sensitive attribute; somebody else lets them. Above a size somebody else approves their campaign."
            ),
            seen
            | _may(("view",), [*behind, *AUDIENCE, *POLICY, "customers.importrun"])
            | _may(DEEDS, CRAFT)
            | _may(
                ("change",), ["campaigns.campaignrun", "campaigns.journeyversion", "recommender.trainingrun"]
            )
            | _may(("change",), ["campaigns.journeyentry"])
            | _may(("change",), ["recommender.modelversion"])
            | _may(("add",), ["customers.sensitiveuse"])
            | _may(("change", "delete"), ["catalog.review"]),
        ),
        Role(
            gettext_noop("Approver"),
            _("Approves what others made: offers, campaigns, uses of sensitive attributes. Makes none."),
            seen
            | _may(("view",), [*behind, *AUDIENCE, *POLICY])
            | _may(("change",), ["campaigns.campaign", "campaigns.offer", "campaigns.campaignrun"])
            | _may(("change",), ["customers.sensitiveuse"]),
        ),
        Role(
            gettext_noop("Privacy officer"),
            _(
                "Answers what people demand, keeps notices, laws, the suppression list and sensitive attributes, lets "
                "numbers out with noise, takes rows out for analysts, takes back what other shops gave, and sees everything but who may log in."
            ),
            _may(("view",), [*(name for name in everything if name not in ACCESS), *LOG])
            | _may(("change",), ["customers.customer", "customers.privacyrequest", "customers.installation"])
            | _may(("change",), ["customers.sensitiveuse", "recommender.sharedstatistics"])
            | _may(("add",), ["customers.notice", "customers.suppression", "campaigns.privaterelease"])
            | _may(("change",), ["campaigns.export"])
            | _may(DEEDS, ["customers.sensitiveattribute", "customers.jurisdiction", "customers.silentyes"]),
        ),
        Role(
            gettext_noop("Administrator"),
            _("May do everything that a page offers, and says who may log in."),
            _may(DEEDS, [*everything, *LOG_IN]) | _may(("view",), LOG),
        ),
    ]


def _may(deeds: Iterable[str], names: Iterable[str]) -> frozenset[str]:
    pairs = [(deed, *name.split(".")) for name in names for deed in deeds]
    return frozenset(f"{app}.{deed}_{model}" for deed, app, model in pairs)


def of(group: Group) -> Role | None:
    """The role that the group is, where it is one of the five, which only this module changes."""
    return next((role for role in roles() if role.name == group.name), None)


def told(group: Group) -> str:
    """Its name in the reader's language; one of one's own as it was given."""
    return gettext(group.name) if of(group) is not None else group.name


def put() -> None:
    """Make the five groups what is said here. Six queries where nothing has changed."""
    known = {
        f"{app}.{codename}": pk
        for pk, app, codename in Permission.objects.values_list("pk", "content_type__app_label", "codename")
    }
    with transaction.atomic():
        for role in roles():
            group, _new = Group.objects.get_or_create(name=role.name)
            group.permissions.set([known[name] for name in role.permissions if name in known])
