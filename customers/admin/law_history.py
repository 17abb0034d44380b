"""The desk's pages of what the law said before: who changed what, when, before and after."""

from collections.abc import Iterator

from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.pages import ReadOnly, Section, shown, told_time
from customers import lawbook, purposes
from customers.admin.words import words_of
from customers.models import FormerLaw, PolicyVersion

# A jurisdiction's page shows no more of its versions; all of them are on their own page.
MOST = 20


def section(code: str) -> Section:
    """The newest versions of a jurisdiction, each beside what it changed. One query."""
    versions = list(PolicyVersion.objects.filter(code=code).order_by("-number")[: MOST + 1])
    rows = [
        (told_since(version), told_by(version), changes(before, version))
        for version, before in zip(versions, [*versions[1:], None], strict=True)
    ]
    more = f"{reverse('admin:customers_policyversion_changelist')}?code={code}"
    return Section(
        _("What it said before"),
        (_("since"), _("who changed it"), _("what changed")),
        rows[:MOST],
        empty=_("Nothing was kept yet."),
        more=more,
    )


def told_since(version: PolicyVersion) -> str:
    if version.since == lawbook.BEGINNING:
        return gettext("the beginning")
    return told_time(version.since)


def told_by(version: PolicyVersion) -> str:
    return version.changed_by or gettext("built in")


def changes(before: PolicyVersion | None, after: PolicyVersion) -> str:
    """What a version changed, each with before and after; the first one's words in full."""
    if after.is_removed:
        return gettext("deleted")
    if before is None or before.is_removed:
        silent = "; ".join(words_of(slug) for slug in after.silent)
        said = gettext("yes to: %s") % silent if silent else gettext("no to everything")
        buyers = f"{_to_buyers()}: {_yes_or_no(after.soft_opt_in)}"
        return "; ".join(part for part in (" ".join(after.countries), said, buyers) if part)
    return "; ".join(_changed(before, after)) or gettext("nothing that is shown here")


def _changed(before: PolicyVersion, after: PolicyVersion) -> Iterator[str]:
    for slug in purposes.PURPOSES:
        was, is_now = slug in before.silent, slug in after.silent
        if was != is_now:
            yield f"{words_of(slug)}: {_yes_or_no(was)} → {_yes_or_no(is_now)}"
    if before.soft_opt_in != after.soft_opt_in:
        yield f"{_to_buyers()}: {_yes_or_no(before.soft_opt_in)} → {_yes_or_no(after.soft_opt_in)}"
    if come := sorted(set(after.countries) - set(before.countries)):
        yield gettext("countries that came: %s") % " ".join(come)
    if gone := sorted(set(before.countries) - set(after.countries)):
        yield gettext("countries that left: %s") % " ".join(gone)
    labels = {
        "name": _("name"),
        "answer_days": _("days to answer a request"),
        "source": _("where it says so"),
    }
    for name, label in labels.items():
        was, is_now = getattr(before, name), getattr(after, name)
        if was != is_now:
            yield f"{label}: {was} → {is_now}"


def _to_buyers() -> str:
    return gettext("E-mail to buyers about similar products")


def _yes_or_no(is_yes: bool) -> str:
    return gettext("yes") if is_yes else gettext("no")


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnly):
    about = _("What each jurisdiction said, and since when. A change on its page adds a version here.")
    list_display = ("code", "number", "told_since", "told_silence", "soft_opt_in", "told_by", "is_removed")
    list_filter = ("code",)
    ordering = ("-since", "code")
    linked = ("code",)

    @shown(_("since"), order="since")
    def told_since(self, version: PolicyVersion) -> str:
        return told_since(version)

    @shown(_("without an answer"))
    def told_silence(self, version: PolicyVersion) -> str:
        silent = "; ".join(words_of(slug) for slug in version.silent)
        return gettext("yes to: %s") % silent if silent else gettext("no to everything")

    @shown(_("changed by"))
    def told_by(self, version: PolicyVersion) -> str:
        return told_by(version)


@admin.register(FormerLaw)
class FormerLawAdmin(ReadOnly):
    about = _("Nobody has come under another law since they are known.")
    list_display = ("customer", "jurisdiction", "until")
    list_select_related = ("customer",)
