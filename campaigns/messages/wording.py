"""Money, days and benefits in the reader's manner. Every function answers in the language that is active."""

from datetime import date
from functools import lru_cache

from babel.core import Locale
from babel.dates import format_date
from django.utils import translation
from django.utils.translation import gettext as _

from campaigns.liquid_templates import money
from campaigns.models import Message, Offer

LANGUAGES = ("en", "zh-hans")
_LOCALES = {"en": Locale("en"), "zh-hans": Locale("zh", script="Hans")}


def _language() -> str:
    return "zh-hans" if (translation.get_language() or "").startswith("zh") else "en"


@lru_cache(maxsize=512)
def _day(moment: date, language: str) -> str:
    return str(format_date(moment, "long", locale=_LOCALES[language]))


def day(moment: date) -> str:
    return _day(moment, _language())


def benefit_words(offer: Offer) -> str:
    if offer.benefit == Offer.Benefit.PERCENT:
        return _("%s %% off") % f"{offer.value.normalize():f}"
    if offer.benefit == Offer.Benefit.AMOUNT:
        return _("%s off") % money(offer.value, offer.currency)
    return _("Free shipping")


def translated(row: Message | Offer, language: str, name: str) -> str:
    """The row's words in this language, the original where there is no translation."""
    value: str = row.translations.get(language, {}).get(name) or getattr(row, name)
    return value
