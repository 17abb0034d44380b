"""The register of processing (GDPR 30(1)), made from the registry of purposes and from what stands in the database."""

from collections.abc import Sequence
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.utils.translation import gettext as _

from config.papers import datamap, facts
from config.papers.datamap import Kind
from config.papers.lines import BEYOND
from config.papers.page import Paper, Part, Table, about, listed, told_days, told_each, told_people
from customers import purposes


def paper(*, at: datetime) -> Paper:
    """Ten queries, whatever the size."""
    kinds, counted = list(datamap.kinds()), facts.counted()
    silent, laws = facts.silent_yes(), facts.laws()
    parts = [_controller(), _people(counted)]
    for slug, purpose in purposes.PURPOSES.items():
        basis = [_("consent (GDPR 6(1)(a))")]
        if places := silent.get(slug):
            basis.append(_("silence means yes, until the person objects, in: %s") % listed(places))
        soft = [law.name for law in laws.values() if law.soft_opt_in]
        if slug == "marketing_email" and soft:
            basis.append(_("soft opt-in of buyers (ePrivacy 13(2)) in: %s") % listed(soft))
        parts.append(
            _activity(
                str(purpose.title),
                [
                    [_("Purpose"), f"{purpose.allows} ({slug})"],
                    [_("Legal basis"), told_each(basis)],
                    [_("People"), told_people(_("%s allow it now"), counted.allowing.get(slug))],
                ],
                slug,
                kinds,
            )
        )
    for slug, reason in BEYOND.items():
        rows = [[_("Purpose"), str(reason.allows)], [_("Legal basis"), str(reason.basis)]]
        parts.append(_activity(str(reason.title), rows, slug, kinds))
    parts.append(safeguards())
    return Paper(
        "register",
        _("Article 30 of the GDPR, made from the registry of purposes and from what this installation does."),
        at,
        parts,
        counted.at,
    )


def _controller() -> Part:
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    blank = _("to be written in by the controller")
    rows = [
        [_("Controller"), name or blank],
        [_("Postal address"), settings.POSTAL_ADDRESS or blank],
        [_("Contact"), address or blank],
        [_("Data protection officer"), blank],
        [_("Representative in the Union (GDPR 27)"), blank],
    ]
    return Part(_("Who is responsible"), table=Table([_("What"), _("How")], rows))


def _people(counted: facts.Counted) -> Part:
    laws = facts.laws()
    rows = [[laws[code].name if code in laws else code, about(count)] for code, count in counted.laws]
    return Part(
        _("Whose data"),
        words=[told_people(_("Customers and visitors of the shop: %s people."), counted.people)],
        table=Table(
            [_("Whose law holds"), _("People")], rows, _("Nobody is known yet.") if counted.at else ""
        ),
    )


def _activity(title: str, rows: Sequence[Sequence[str]], slug: str, kinds: Sequence[Kind]) -> Part:
    theirs = [kind for kind in kinds if slug in kind.line.reasons]
    spans = sorted({kind.kept_for for kind in theirs if kind.kept_for})
    kept = [told_days(span) for span in spans] + (
        [_("until erasure")] if any(not k.kept_for for k in theirs) else []
    )
    data = [
        [_("Data"), told_each([str(kind.line.what) for kind in theirs])],
        [_("Who receives it"), listed(receivers(slug))],
        [_("Countries outside"), _countries(slug)],
        [_("Kept"), listed(kept)],
    ]
    return Part(title, table=Table([_("What"), _("How")], [*rows, *data]))


def receivers(slug: str) -> list[str]:
    """Who gets to see rows of a purpose besides the shop itself. One query at most."""
    if slug == "marketing_email":
        reports = [_("%s (reports of bounces and complaints)") % name for name in settings.MAIL_PROVIDERS]
        return [_("the mail server %s") % facts.mail_server(), *reports]
    if slug == "partner_sharing":
        return facts.webhook_hosts()
    if slug == "personalization":
        return [
            _("%s (noised counts of products, nobody's rows)") % name for name in facts.given_statistics()
        ]
    return []


def _countries(slug: str) -> str:
    if slug in ("marketing_email", "partner_sharing") and receivers(slug):
        return _("to be written in: where these stand, and on what their transfer rests (GDPR 44 to 49)")
    return _("none by the platform itself")


def safeguards() -> Part:
    """Article 32. What the rules in docs/rules.md hold, by number."""
    return Part(
        _("Safeguards (GDPR 32)"),
        points=[
            _(
                "Name, e-mail address and phone number are sealed with a key for each person (AES-256-GCM); destroying it is erasure (S7)."
            ),
            _("Addresses are looked up by a keyed hash; the suppression list holds nothing else (C9)."),
            _(
                "Every use and every message asks one gate; a withdrawal that is committed first always wins (C1, C2, C3)."
            ),
            _("Answers stand in an append-only ledger of hash chains (L1, L2)."),
            _("Keys of the API lie as hashes, have scopes and can be revoked (S1)."),
            _(
                "Staff have roles and are locked out after failures; large audiences need a second person (S5)."
            ),
            _(
                "Pages have a strict content policy, load nothing from other servers and are stored by nobody (S6)."
            ),
            _("Reports show no cell of fewer than 20 people (N1)."),
            _("Webhooks go only to public https addresses and are signed (S3)."),
        ],
    )
