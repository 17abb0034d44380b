"""One decision in words: why a person got what they got, from what was kept when it was decided."""

from django.utils.translation import gettext as _

from campaigns.admin.person.lines import verdicts
from campaigns.admin.words import PURPOSES
from campaigns.models import Decision, Offer
from catalog.models import Product

MOST = 6


def why(row: Decision) -> list[tuple[str, str]]:
    """Each question that was asked, with its answer. Four queries at most."""
    told = []
    if row.segment is not None:
        told.append((_("Audience"), _("In the segment “%s”.") % row.segment))
    told += [(_("Consent"), _consent(row)), (_("Control group"), _arm(row))]
    if row.variant is not None:
        said = {"key": row.variant.key.upper(), "name": row.variant.message.name}
        told.append((_("Message"), _("%(key)s, “%(name)s”, by lot") % said))
    told += _offers(row)
    if row.skus:
        told.append((_("Products"), _products(row)))
    return told


def _consent(row: Decision) -> str:
    purpose = _(PURPOSES.get(row.purpose, row.purpose))
    if row.consent_record_id is None:
        return _("The law allows it without an answer of theirs: %s.") % purpose
    return _("They allow: %(purpose)s (ledger record %(record)s).") % {
        "purpose": purpose,
        "record": row.consent_record_id,
    }


def _arm(row: Decision) -> str:
    return {
        Decision.Arm.TREATED: _("Drawn by lot to get it."),
        Decision.Arm.CONTROL: _("Drawn by lot to get nothing, so that the effect can be measured."),
        Decision.Arm.HOLDOUT: _(
            "In the global holdout: gets nothing, so that all campaigns can be measured."
        ),
    }[Decision.Arm(row.arm)]


def _offers(row: Decision) -> list[tuple[str, str]]:
    titles = dict(
        Offer.objects.filter(slug__in=[slug for slug, _words in verdicts(row.candidates)]).values_list(
            "slug", "title"
        )
    )
    return [(_("Offer"), f"{titles.get(slug, slug)}: {words}") for slug, words in verdicts(row.candidates)]


def _products(row: Decision) -> str:
    first = row.skus[:MOST]
    titles = dict(Product.objects.filter(sku__in=first).values_list("sku", "title"))
    names = ", ".join(titles.get(sku) or sku for sku in first)
    if row.personalized:
        return _("%s: chosen from what they did, the best first.") % names
    return (
        _("%s: what everybody sees, as they do not allow personalization or nothing is known of them.")
        % names
    )
