"""The registry of purposes, the texts people are shown, and what holds where nobody has answered."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.questions import Given
from customers import lawbook
from customers.models import Jurisdiction, Notice, SilentYes


@dataclass(frozen=True)
class Purpose:
    slug: str
    title: Promise
    allows: Promise
    """One sentence for the register of processing."""


PURPOSES: dict[str, Purpose] = {
    purpose.slug: purpose
    for purpose in (
        Purpose(
            "analytics", _("Remember what I look at in the shop"), _("keeping views, searches and baskets")
        ),
        Purpose(
            "personalization",
            _("Use what I did to choose products and offers for me"),
            _("choosing products and offers from behaviour, and teaching the models"),
        ),
        Purpose("marketing_email", _("Send me offers by e-mail"), _("writing to the person by e-mail")),
        Purpose(
            "marketing_sms", _("Send me offers by text message"), _("writing to the person by text message")
        ),
        Purpose("message_tracking", _("Note whether I open or click"), _("noting opens and clicks")),
        Purpose(
            "partner_sharing",
            _("Pass my data to partners"),
            _("passing messages about the person to a partner"),
        ),
    )
}
MARKETING = ("marketing_email", "marketing_sms")
# Not a purpose anyone says yes to: the words beside the box with which a buyer refuses (`customers.softoptin`).
SOFT_OPT_IN = "soft_opt_in"


@dataclass(frozen=True)
class Policy:
    """What the law of a place says, as it is put into a fresh database; the rows there are what holds."""

    name: str
    countries: str
    answer_days: int
    source: str
    silence_means_yes: tuple[str, ...] = ()
    soft_opt_in: bool = False


POLICIES: dict[str, Policy] = {
    "EU": Policy(
        "European Economic Area",
        "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO",
        30,
        "Answers within one month: GDPR 12(3). Consent: GDPR 6(1)(a), 7. Devices and e-mail: ePrivacy Directive "
        "2002/58/EC 5(3), 13(1); buyers: 13(2). Objection to direct marketing: GDPR 21(2)-(3).",
        soft_opt_in=True,
    ),
    "UK": Policy(
        "United Kingdom",
        "GB",
        30,
        "Answers within one month: UK GDPR 12(3). E-mail: PECR 2003 reg. 22(2); buyers: 22(3). Devices: PECR reg. 6. "
        "Objection: UK GDPR 21(2)-(3).",
        soft_opt_in=True,
    ),
    "US-CA": Policy(
        "United States, by California's law",
        "US",
        45,
        "Opt-out: CCPA, Cal. Civ. Code 1798.120, 1798.135; the browser's signal: 11 CCR 7025. Answers within 45 days: "
        "1798.130(a)(2). E-mail: CAN-SPAM, 15 USC 7704(a). Text messages ask first: TCPA, 47 CFR 64.1200(a)(2).",
        silence_means_yes=("analytics", "personalization", "marketing_email", "message_tracking"),
    ),
    "CN": Policy(
        "China",
        "CN",
        30,
        "Consent: PIPL 13, 14, 23; automated decisions: PIPL 24; rights: PIPL 44-50; answers within 30 days: GB/T "
        "35273-2020 8.7. Advertisements by message: Advertising Law 43.",
    ),
    "CA": Policy(
        "Canada",
        "CA",
        30,
        "E-mail: CASL (S.C. 2010, c. 23) 6, 11. Its implied consent of buyers (10(9)-(10)) is not used. Answers within "
        "30 days: PIPEDA 8(3).",
    ),
    "AU": Policy(
        "Australia",
        "AU",
        30,
        "E-mail: Spam Act 2003 16, 18. Its inferred consent (Sch. 2 cl. 2) is not used. Direct marketing and access: "
        "Privacy Act 1988, APP 7, 12.4.",
    ),
}


def put_policies() -> None:
    """The built-in jurisdictions, those that are missing; what stands there already is the shop's own.

    In a fresh database they hold from the beginning, later ones from now on.
    """
    since = timezone.now() if lawbook.has_begun() else lawbook.BEGINNING
    for code, policy in POLICIES.items():
        row, is_new = Jurisdiction.objects.get_or_create(
            code=code,
            defaults={
                "name": policy.name,
                "countries": policy.countries.split(),
                "answer_days": policy.answer_days,
                "soft_opt_in": policy.soft_opt_in,
                "source": policy.source,
            },
        )
        if is_new:
            SilentYes.objects.bulk_create(
                SilentYes(jurisdiction=row, purpose=purpose) for purpose in policy.silence_means_yes
            )
            lawbook.write(row, policy.silence_means_yes, by="", at=since)


def jurisdictions() -> dict[str, str]:
    """Whose law is applied in each country (ISO 3166) that a jurisdiction names; elsewhere the default's. One query."""
    rows = Jurisdiction.objects.order_by("-code").values_list("code", "countries")
    return {country: code for code, countries in rows for country in countries}


def silent(purpose: str | Given) -> QuerySet[SilentYes]:
    """The jurisdictions where silence means yes, until the person objects, as a query to join with."""
    return SilentYes.objects.filter(purpose=purpose)


@dataclass(frozen=True)
class ShownText:
    """A notice as someone was shown it."""

    notice: str
    language: str
    purpose: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


# The platform's own first versions. A shop adds its own in the admin; a version is never edited.
_BUILT_IN: dict[str, dict[str, str]] = {
    "analytics": {"en": "Remember what I look at in the shop", "zh-hans": "记住我在商店浏览的内容"},
    "personalization": {
        "en": "Use what I did to choose products and offers for me",
        "zh-hans": "根据我的行为为我挑选商品和优惠",
    },
    "marketing_email": {"en": "Send me offers by e-mail", "zh-hans": "通过电子邮件向我发送优惠"},
    "marketing_sms": {"en": "Send me offers by text message", "zh-hans": "通过短信向我发送优惠"},
    "message_tracking": {"en": "Note whether I open or click", "zh-hans": "记录我是否打开或点击"},
    "partner_sharing": {"en": "Pass my data to partners", "zh-hans": "将我的数据提供给合作伙伴"},
    SOFT_OPT_IN: {
        "en": "We may e-mail you offers for products like those you buy now. Tick here if you do not want that. "
        "Every such e-mail lets you say no too.",
        "zh-hans": "我们可能会通过电子邮件向您发送与本次所购商品类似的商品的优惠。如不希望接收，请勾选此处；"
        "您也可以随时通过每封邮件中的链接退订。",
    },
}
PUBLIC_FILE = "public-file@1"
PUBLIC_FILE_TEXT = (
    "This person is a row of a published data set, without name or address, used to show and test the platform. "
    "Nobody was asked; the licence of the data set stands in for their answer. Never use this notice for real people."
)


class UnknownNotice(Exception):
    """No such text: what was shown cannot be proved."""


def find_notice(notice: str, language: str, purpose: str) -> ShownText:
    """The exact text behind `slug@version` in `language` for `purpose`. Raises UnknownNotice."""
    slug, _at, version = notice.partition("@")
    if notice == PUBLIC_FILE and language == "en" and purpose in PURPOSES:
        return ShownText(notice, language, purpose, PUBLIC_FILE_TEXT)
    if version == "1" and slug == purpose and (text := _BUILT_IN.get(slug, {}).get(language)):
        return ShownText(notice, language, purpose, text)
    row = (
        Notice.objects.filter(slug=slug, version=int(version), language=language, purpose=purpose).first()
        if version.isdecimal() and len(version) < 6
        else None
    )
    if row is None:
        raise UnknownNotice(f"No notice {notice!r} in {language!r} for {purpose!r}.")
    return ShownText(notice, language, purpose, row.text)


@dataclass(frozen=True)
class Version:
    """One version of a notice: its texts by language."""

    slug: str
    number: int
    purpose: str
    texts: Mapping[str, ShownText]

    @property
    def missing(self) -> tuple[str, ...]:
        """The languages it must still be written in before it can be shown."""
        return tuple(language for language, _name in settings.LANGUAGES if language not in self.texts)


def versions(purpose: str) -> list[Version]:
    """Every version of a purpose's texts, newest first, the built-in one last. One query."""
    rows: dict[tuple[str, int], dict[str, ShownText]] = {}
    for row in Notice.objects.filter(purpose=purpose).order_by("-created_at", "-pk"):
        text = ShownText(f"{row.slug}@{row.version}", row.language, purpose, row.text)
        rows.setdefault((row.slug, row.version), {})[row.language] = text
    found = [Version(slug, number, purpose, texts) for (slug, number), texts in rows.items()]
    own = {
        language: ShownText(f"{purpose}@1", language, purpose, text)
        for language, text in _BUILT_IN[purpose].items()
    }
    return [*found, Version(purpose, 1, purpose, own)]


def current_version(purpose: str) -> Version:
    """The newest version that is written in every language; one that is not is shown to nobody. One query."""
    return next(version for version in versions(purpose) if not version.missing)


def current_notice(purpose: str, language: str) -> ShownText:
    """The text for a purpose that holds now, in the language or in English. One query."""
    if purpose not in _BUILT_IN:
        raise UnknownNotice(f"No notice for {purpose!r}.")
    texts = current_version(purpose).texts
    return texts.get(language) or texts["en"]
