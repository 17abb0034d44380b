"""What one person allows now, on what that rests, and its receipt."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog import together
from catalog.pages import Section, told_time
from customers import consent, purposes
from customers.models import ConsentState, Customer


def state(customer: Customer) -> str:
    """How it stands with the person, in a sentence or two."""
    if customer.erased_at is not None:
        return gettext("Erased: nothing is kept but the proof of their answers.")
    if customer.merged_into_id is not None:
        return gettext("Merged into %s; look there.") % customer.merged_into
    if customer.restricted_at is not None:
        return gettext("Restricted: everything is kept, and nothing is used.")
    allows = {
        slug: verdict is not None and verdict.allowed for slug, verdict in _verdicts(customer.pk).items()
    }
    told = [
        gettext("Gets offers by e-mail.")
        if allows["marketing_email"]
        else gettext("Gets no offers by e-mail."),
        gettext("What they do chooses products and offers for them.")
        if allows["personalization"]
        else gettext("Not used for personalisation: they get what everybody sees."),
    ]
    return " ".join(told)


def _verdicts(person: int) -> dict[str, consent.Verdict | None]:
    """The gate's present answer for each purpose. One query."""
    asked = {slug: consent.Asked([person], slug) for slug in purposes.PURPOSES}
    together.read(*(one.rows for one in asked.values()))
    return {slug: one.verdicts().get(person) for slug, one in asked.items()}


def section(customer: Customer) -> Section:
    """Each purpose with the gate's present answer, the record it rests on and its receipt. Two queries."""
    states = {state.purpose: state for state in ConsentState.objects.filter(customer=customer)}
    verdicts = _verdicts(customer.pk)
    rows = []
    for purpose in purposes.PURPOSES.values():
        verdict, state = verdicts[purpose.slug], states.get(purpose.slug)
        rows.append(
            (
                f"{purpose.title} ({purpose.slug})",
                gettext("yes") if verdict is not None and verdict.allowed else gettext("no"),
                _rests_on(customer, verdict, state),
                told_time(state.at if state else None),
                _receipt(customer, state),
            )
        )
    records = reverse("admin:customers_consentrecord_changelist")
    return Section(
        _("What this person allows"),
        (_("purpose"), _("now"), _("because"), _("since"), _("receipt")),
        rows,
        more=f"{records}?customer_id={customer.pk}",
    )


def _receipt(customer: Customer, state: ConsentState | None) -> str:
    if state is None:
        return "–"
    link = reverse("admin:customers_customer_receipt", args=[customer.pk])
    return format_html('<a href="{}?record={}" download>{}</a>', link, state.record_id, gettext("Receipt"))


def _rests_on(customer: Customer, verdict: consent.Verdict | None, state: ConsentState | None) -> str:
    if customer.restricted_at is not None:
        return gettext("restricted: kept, and used for nothing")
    if verdict is None:
        return gettext("the person is gone")
    if state is not None:
        said = gettext("said yes") if state.granted else gettext("said no")
        return gettext("%(said)s, ledger record %(record)s") % {"said": said, "record": state.record_id}
    if verdict.allowed:
        return gettext("default of the jurisdiction")
    return gettext("never asked")
