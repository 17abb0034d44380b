"""The registry of purposes, the texts people are shown, and what holds where nobody has answered."""

import hashlib
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.models import Jurisdiction, Notice, SilentYes


@dataclass(frozen=True)
class Purpose:
    slug: str
    title: Promise
    allows: str
    """One sentence for the register of processing."""


PURPOSES: dict[str, Purpose] = {
    purpose.slug: purpose
    for purpose in (
        Purpose("analytics", _("Remember what I look at in the shop"), "keeping views, searches and baskets"),
        Purpose(
            "personalization",
            _("Use what I did to choose products and offers for me"),
            "choosing products and offers from behaviour, and teaching the models",
        ),
        Purpose("marketing_email", _("Send me offers by e-mail"), "writing to the person by e-mail"),
        Purpose(
            "marketing_sms", _("Send me offers by text message"), "writing to the person by text message"
        ),
        Purpose("message_tracking", _("Note whether I open or click"), "noting opens and clicks"),
        Purpose(
            "partner_sharing", _("Pass my data to partners"), "passing messages about the person to a partner"
        ),
    )
}
MARKETING = ("marketing_email", "marketing_sms")


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
        "GDPR 6(1)(a), 12(3); ePrivacy 13",
        soft_opt_in=True,
    ),
    "UK": Policy("United Kingdom", "GB", 30, "UK GDPR 12(3); PECR 22", soft_opt_in=True),
    "US-CA": Policy(
        "United States, by California's law",
        "US",
        45,
        "CCPA 1798.120, 1798.130; CAN-SPAM",
        silence_means_yes=("analytics", "personalization", "marketing_email", "message_tracking"),
    ),
    "CN": Policy("China", "CN", 30, "PIPL 13, 24, 44 to 50; GB/T 35273-2020 8.7"),
    "CA": Policy("Canada", "CA", 30, "CASL 6; PIPEDA 8(3)"),
    "AU": Policy("Australia", "AU", 30, "Spam Act 2003 16; APP 12.4"),
}


def put_policies() -> None:
    """The built-in jurisdictions, those that are missing; what stands there already is the shop's own."""
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


def jurisdictions() -> dict[str, str]:
    """Whose law is applied in each country (ISO 3166) that a jurisdiction names; elsewhere the default's. One query."""
    rows = Jurisdiction.objects.order_by("-code").values_list("code", "countries")
    return {country: code for code, countries in rows for country in countries}


def silent(purpose: str) -> QuerySet[SilentYes]:
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


def current_notice(purpose: str, language: str) -> ShownText:
    """The newest text for a purpose, in the language or in English."""
    for tried in (language, "en"):
        row = Notice.objects.filter(purpose=purpose, language=tried).order_by("-created_at").first()
        if row is not None:
            return ShownText(f"{row.slug}@{row.version}", tried, purpose, row.text)
        if text := _BUILT_IN[purpose].get(tried):
            return ShownText(f"{purpose}@1", tried, purpose, text)
    raise UnknownNotice(f"No notice for {purpose!r}.")
