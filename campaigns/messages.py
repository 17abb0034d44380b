"""Liquid -> a finished message: subject, HTML, text and the headers the law asks for."""

import html
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from markupsafe import Markup

from campaigns import links, liquid_templates
from campaigns.liquid_templates import Problem, TemplateFailed
from campaigns.models import Campaign, Decision, Delivery, Message, Offer
from catalog.models import Product
from customers import encryption
from customers.consent import Permission
from customers.links import preferences_url, unsubscribe_url
from customers.models import Customer

LANGUAGES = ("en", "zh-hans")
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)
_LINK = re.compile(r'href="(https?://[^"]+)"')


@dataclass(frozen=True)
class Finished:
    """A message ready to leave by a channel. `customer_id` and `purpose` are what its permission must match."""

    customer_id: int
    purpose: str
    address: str
    subject: str
    html: str
    text: str
    message_id: str
    headers: Mapping[str, str]
    payload: Mapping[str, Any]
    """What a webhook says instead."""


def language_of(customer: Customer) -> str:
    return "zh-hans" if customer.locale.lower().startswith("zh") else "en"


@dataclass(frozen=True)
class Page:
    """What a page of deliveries needs, read in a handful of queries."""

    products: Mapping[str, Product]
    trackable: Collection[int]


def page_of(deliveries: Sequence[Delivery], *, at: Any) -> Page:
    """Three queries for any number of deliveries (loaded with `select_related` as `delivery.load` does)."""
    skus = {sku for delivery in deliveries for sku in delivery.decision.skus}
    products = {product.sku: product for product in Product.objects.filter(sku__in=skus, is_listed=True)}
    people = {delivery.customer_id for delivery in deliveries}
    return Page(products, Permission.of_many(people, "message_tracking", at=at).keys())


def benefit_words(offer: Offer) -> str:
    if offer.benefit == Offer.Benefit.PERCENT:
        return _("%s %% off") % f"{offer.value.normalize():f}"
    if offer.benefit == Offer.Benefit.AMOUNT:
        return _("%(amount)s %(currency)s off") % {"amount": offer.value, "currency": offer.currency}
    return _("Free shipping")


def _translated(row: Message | Offer, language: str, name: str) -> str:
    value: str = row.translations.get(language, {}).get(name) or getattr(row, name)
    return value


def context_of(
    decision: Decision, customer: Customer, fields: Mapping[str, str], message: Message, page: Page
) -> dict[str, Any]:
    """What a template may use; `fields` are the person's, unsealed. Call it under the person's language."""
    language = language_of(customer)
    context: dict[str, Any] = {
        "customer": {
            key: value
            for key, value in (("name", fields.get("name")), ("country", customer.country))
            if value
        },
        "shop": {"url": settings.PUBLIC_URL},
        "links": {
            "preferences": preferences_url(customer),
            "unsubscribe": unsubscribe_url(customer, decision.purpose),
        },
        "products": [
            {
                "sku": product.sku,
                "title": product.title,
                "url": product.url or f"{settings.PUBLIC_URL}/shop/{product.sku}",
                "image_url": product.image_url,
                "price": "" if product.price is None else f"{product.price:,.2f} {product.currency}",
            }
            for sku in decision.skus
            if (product := page.products.get(sku)) is not None
        ][: message.product_count],
        "language": language,
    }
    context["customer"] |= {f"attribute_{key}": value for key, value in customer.attributes.items()}
    offer = decision.offer
    if offer is not None:
        context["offer"] = {
            "title": _translated(offer, language, "title"),
            "description": _translated(offer, language, "description"),
            "benefit": benefit_words(offer),
            "code": decision.code.value if decision.code else "",
            "valid_until": decision.expires_at.date().isoformat() if decision.expires_at else "",
            "minimum": f"{offer.minimum_amount} {offer.currency}" if offer.minimum_amount else "",
        }
    context["products_block"] = Markup(render_to_string("email/products.html", context))
    context["offer_block"] = Markup(render_to_string("email/offer.html", context) if offer else "")
    return context


def finish(delivery: Delivery, message: Message | None, page: Page) -> Finished:
    """Raises TemplateFailed or Aborted for this person only. A webhook needs no words, and so no message."""
    customer, decision = delivery.customer, delivery.decision
    if message is None:
        if delivery.channel != Campaign.Channel.WEBHOOK:
            raise TemplateFailed("the campaign has no message")
        return Finished(
            customer_id=delivery.customer_id,
            purpose=decision.purpose,
            address="",
            subject="",
            html="",
            text="",
            message_id=delivery.message_id or new_message_id(delivery),
            headers={},
            payload=payload_of(decision, customer),
        )
    language = language_of(customer)
    fields = encryption.unseal(customer)
    with translation.override(language):
        context = context_of(decision, customer, fields, message, page)
        subject = liquid_templates.render(_translated(message, language, "subject"), context, escape=False)
        subject = " ".join(subject.split())
        body = liquid_templates.render(_translated(message, language, "body"), context)
        tracked = delivery.customer_id in page.trackable
        whole: str = render_to_string(
            "email/message.html",
            {
                "body": Markup(body),
                "subject": subject,
                "links": context["links"],
                "language": language,
                "postal_address": settings.POSTAL_ADDRESS,
                "pixel": links.pixel_url(decision.pk) if tracked else "",
            },
        )
        own_text = _translated(message, language, "text")
        text = liquid_templates.render(own_text, context, escape=False) if own_text else text_of(body)
        text = render_to_string(
            "email/message.txt",
            {"text": text, "links": context["links"], "postal_address": settings.POSTAL_ADDRESS},
        )
    if tracked:
        own = tuple(context["links"].values())
        whole = _LINK.sub(lambda found: _tracked(found, decision, own), whole)
    return Finished(
        customer_id=delivery.customer_id,
        purpose=decision.purpose,
        address=fields.get("email", ""),
        subject=subject,
        html=_INLINER.inline(whole),
        text=text,
        message_id=delivery.message_id or new_message_id(delivery),
        headers={
            "List-Unsubscribe": f"<{context['links']['unsubscribe']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Precedence": "bulk",
        },
        payload=payload_of(decision, customer),
    )


def payload_of(decision: Decision, customer: Customer) -> dict[str, Any]:
    """What a webhook says of a decision."""
    return {
        "customer": customer.external_id,
        "decision": str(decision.pk),
        "offer": decision.offer.slug if decision.offer else None,
        "code": decision.code.value if decision.code else None,
        "skus": decision.skus,
    }


def _tracked(found: re.Match[str], decision: Decision, own: Sequence[str]) -> str:
    target = html.unescape(found.group(1))
    # Leaving must never depend on a tracker.
    return found.group(0) if target in own else f'href="{html.escape(links.click_url(decision.pk, target))}"'


def new_message_id(delivery: Delivery) -> str:
    """The same for every attempt of a delivery, so that a receiver can tell a repeat."""
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >") or "localhost"
    return f"<tact-{delivery.decision_id.hex}@{host}>"


def text_of(body: str) -> str:
    """A readable text part from the body's HTML: links after their words, blocks on lines of their own."""
    text = re.sub(r"(?is)<(style|script|head).*?</\1>", "", body)
    text = " ".join(text.split())  # a line break of the source is a space, as in a browser
    text = re.sub(r'(?i)<a\s[^>]*href="([^"]+)"[^>]*>(.*?)</a>', r"\2 (\1)", text)
    text = re.sub(r"(?i)<br\s*/?>|</(li|tr)>", "\n", text)
    text = re.sub(r"(?i)</?(p|div|h[1-6]|ul|ol|table)\b[^>]*>", "\n\n", text)
    text = html.unescape(re.sub(r"<[^>]+>", " ", text))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


# --- checking at save ------------------------------------------------------------------------------------


def sample_contexts() -> list[Mapping[str, Any]]:
    """Someone of whom everything is known, and someone of whom nothing is."""
    product = {
        "sku": "S",
        "title": "A product",
        "url": "https://shop.example/",
        "image_url": "",
        "price": "9.00 EUR",
    }
    links_ = {"preferences": "https://shop.example/p", "unsubscribe": "https://shop.example/u"}
    offer = {
        "title": "Offer", "description": "", "benefit": "10 % off", "code": "CODE", "valid_until": "2030-01-01",
        "minimum": "",
    }  # fmt: skip
    shared = {
        "shop": {"url": "https://shop.example"},
        "links": links_,
        "products_block": "",
        "offer_block": "",
    }
    rich = {
        "customer": {"name": "Anna", "country": "DE"},
        "offer": offer,
        "products": [product] * 4,
        "language": "en",
    }
    poor = {"customer": {}, "products": [], "language": "zh-hans"}
    return [{**shared, **rich}, {**shared, **poor}]


def check(message: Message) -> list[Problem]:
    """What would fail for someone, by part and line; empty when the message is sound."""
    contexts = sample_contexts()
    found: list[Problem] = []
    for language, parts in {"": {}, **message.translations}.items():
        if language and language not in LANGUAGES:
            found.append(Problem("translations", 0, f"{language!r} is not one of {', '.join(LANGUAGES)}"))
            continue
        for name in ("subject", "body", "text"):
            source = parts.get(name, "") if language else getattr(message, name)
            label = f"{name} ({language})" if language else name
            found += liquid_templates.problems(label, source, contexts, escape=name == "body")
    return found


def default_message() -> dict[str, Any]:
    """A good first message in both languages, for the demo and for whoever starts."""
    body = (
        "<h1>Hello {{ customer.name | default: 'there' }},</h1>\n"
        "<p>we picked a few things that go with what you like.</p>\n"
        "{{ offer_block }}\n{{ products_block }}\n"
        "<p>You get this because you said yes to offers by e-mail. One click below ends that.</p>"
    )
    zh = (
        "<h1>{{ customer.name | default: '您好' }}，</h1>\n"
        "<p>我们根据您的喜好挑选了几样商品。</p>\n"
        "{{ offer_block }}\n{{ products_block }}\n"
        "<p>您收到此邮件是因为您同意通过电子邮件接收优惠。点击下方链接即可退订。</p>"
    )
    return {
        "name": "Picked for you",
        "subject": "{{ offer.benefit | default: 'Picked' }} for you, {{ customer.name | default: 'and your taste' }}",
        "body": body,
        "translations": {
            "zh-hans": {"subject": "为您精选：{{ offer.benefit | default: '好物' }}", "body": zh}
        },
    }
