"""The sets of what campaigns did to people who allow analytics, and what came of it."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.exports.behaviour import CUSTOMER, MEASURED
from campaigns.exports.datasets import Column, Dataset, told_by
from campaigns.models import Code, Decision, Delivery, Outcome, Redemption
from customers import consent

_TRACKED = (Outcome.Kind.OPENED, Outcome.Kind.CLICKED)


def _decisions() -> QuerySet[Decision]:
    return Decision.objects.filter(consent.may(MEASURED, person="customer_id"))


def _deliveries() -> QuerySet[Delivery]:
    return Delivery.objects.filter(consent.may(MEASURED, person="customer_id"))


def _outcomes() -> QuerySet[Outcome]:
    """Opens and clicks by those alone who allow noting them, as everywhere (`customers.histories`)."""
    person = "decision__customer_id"
    tracked = Q(consent.may("message_tracking", person=person))
    return Outcome.objects.filter(~Q(kind__in=_TRACKED) | tracked, consent.may(MEASURED, person=person))


def _codes() -> QuerySet[Code]:
    """Given codes alone: whoever reads a free one could use it."""
    return Code.objects.filter(consent.may(MEASURED, person="customer_id"))


def _redemptions() -> QuerySet[Redemption]:
    return Redemption.objects.filter(consent.may(MEASURED, person="customer_id"))


DECISIONS = Dataset(
    "decisions",
    _("Decisions"),
    "What was chosen for each person, from what chance, and by whose leave.",
    (
        Column("id", "uuid", "the decision"),
        CUSTOMER,
        Column("campaign", "text", "null for an offer asked for by the shop", "campaign__slug"),
        Column("run", "integer", "the campaign's run", "run_id"),
        Column("segment", "text", "as whose member", "segment__slug"),
        Column("placement", "text", "where it shows"),
        Column("slot", "integer", "which of the placement's slots, from 0"),
        Column("step", "integer", "which message of a journey"),
        Column("variant", "text", "which variant of the campaign", "variant__key"),
        Column("arm", "text", "treated, control or holdout"),
        Column("offer", "text", "null where none was chosen", "offer__slug"),
        Column("skus", "json", "the products, a JSON list"),
        Column("propensity", "float", "the chance with which this offer was drawn; 1 where nothing was"),
        Column("explored", "boolean", "whether chance drew it"),
        Column("state", "text", "reserved, committed or released"),
        Column("personalized", "boolean", "whether the person's own past was used"),
        Column("model", "integer", "the number of the model that ranked", "model_id"),
        Column("purpose", "text", "what the person allowed for it"),
        Column("basis", "text", "consent, default or soft"),
        Column("decided_at", "moment", "when"),
        Column("expires_at", "moment", "until when it holds"),
    ),
    of_people=True,
    pages=told_by(_decisions),
    time="decided_at",
)
DELIVERIES = Dataset(
    "deliveries",
    _("Deliveries"),
    "Every planned message and its fate; no address and no words of a server, which may name one.",
    (
        Column("id", "integer", "the delivery"),
        Column("decision", "uuid", "the decision it carries", "decision_id"),
        CUSTOMER,
        Column("campaign", "text", "the campaign", "run__campaign__slug"),
        Column("run", "integer", "its run", "run_id"),
        Column("step", "integer", "which message of a journey"),
        Column("channel", "text", "by which way"),
        Column("message", "text", "which text", "content__slug"),
        Column("status", "text", "its fate"),
        Column("reason", "text", "why it was not sent"),
        Column("attempt", "integer", "how often it was tried"),
        Column("basis", "text", "consent, default or soft; null where it was not sent"),
        Column("not_before", "moment", "when it was due"),
        Column("transmitting_at", "moment", "when it left"),
        Column("ended_at", "moment", "when its fate was known"),
    ),
    of_people=True,
    pages=told_by(_deliveries),
    time="not_before",
)
OUTCOMES = Dataset(
    "outcomes",
    _("Outcomes"),
    "Which decision earned which event; opens and clicks of those who allow message_tracking.",
    (
        Column("id", "integer", "the outcome"),
        Column("decision", "uuid", "the decision", "decision_id"),
        Column("customer", "text", "the shop's own id of the person", "decision__customer__external_id"),
        Column("event", "integer", "the event, as in orders and events", "event_id"),
        Column("kind", "text", "opened, clicked, ordered or refunded"),
        Column("value", "decimal(14,2)", "money it is credited with"),
        Column("is_machine", "boolean", "whether a machine opened or clicked, by all signs"),
        Column("at", "moment", "when"),
    ),
    of_people=True,
    pages=told_by(_outcomes),
    time="at",
)
CODES = Dataset(
    "codes",
    _("Codes"),
    "Promotion codes that were given to somebody.",
    (
        Column("code", "text", "the code", "value"),
        Column("offer", "text", "its offer", "offer__slug"),
        CUSTOMER,
        Column("state", "text", "what became of it"),
        Column("assigned_at", "moment", "when it was given"),
        Column("expires_at", "moment", "until when it holds"),
    ),
    of_people=True,
    pages=told_by(_codes),
    time="assigned_at",
)
REDEMPTIONS = Dataset(
    "redemptions",
    _("Redemptions"),
    "Codes that were used at the till.",
    (
        Column("code", "text", "the code", "code__value"),
        Column("offer", "text", "its offer", "code__offer__slug"),
        CUSTOMER,
        Column("order_id", "text", "the shop's id of the order"),
        Column("amount", "decimal(14,2)", "of the order"),
        Column("discount", "decimal(14,2)", "what the code took off"),
        Column("currency", "text", "ISO 4217"),
        Column("at", "moment", "when"),
        Column("reversed_at", "moment", "when it was given back"),
    ),
    of_people=True,
    pages=told_by(_redemptions),
    time="at",
)
