"""What may be brought in from a file at the desk, in the words of the trade."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Kind:
    """What may be brought in: its format, whoever may, and its columns in the words of the trade."""

    slug: str
    format: str
    title: str | Promise
    permission: str
    about: str | Promise
    columns: Sequence[tuple[str, bool, str | Promise]]
    """(name, must be there, what it holds)"""
    example: str
    new: Sequence[str]
    """What an import counts as new of it."""


KINDS: Mapping[str, Kind] = {
    kind.slug: kind
    for kind in (
        Kind(
            "products",
            "products-csv",
            _("Bring products in"),
            "catalog.change_product",
            _(
                "One product a line. A known SKU is changed, a new one is made; what is not in the file stays as it is. "
                "Empty cells clear text, and leave price, stock and category as they are."
            ),
            (
                ("sku", True, _("the shop's own number of it")),
                ("title", True, _("its name")),
                ("description", False, _("what it is, in sentences")),
                ("category", False, _("by name; a new one is made")),
                ("brand", False, _("as the shop writes it")),
                ("price", False, _("with a point: 12.50")),
                ("currency", False, _("three letters: EUR")),
                ("in_stock", False, _("yes or no")),
                ("image_url", False, _("address of its picture")),
                ("url", False, _("address of its page")),
            ),
            "sku,title,category,price,currency,in_stock\nrose-1,Red rose bush,Garden,12.50,EUR,yes\n",
            ("products_new",),
        ),
        Kind(
            "customers",
            "customers-csv",
            _("Bring customers in"),
            "customers.change_customer",
            _(
                "One person a line. A known id is changed, a new one is made. Nobody is given consent by a file: whoever "
                "is new gets no marketing until they say yes themselves, and a no stays a no."
            ),
            (
                ("id", True, _("the shop's own id of the person")),
                ("email", False, _("e-mail address")),
                ("phone", False, _("phone number with its country's prefix")),
                ("name", False, _("full name")),
                ("locale", False, _("language: en, zh-hans")),
                ("time_zone", False, _("by its name: Europe/Berlin")),
                ("country", False, _("two letters: DE")),
            ),
            "id,email,name,country\n1001,anna@mail.example,Anna,DE\n",
            ("people_new",),
        ),
        Kind(
            "suppressions",
            "suppressions-csv",
            _("Put addresses on the suppression list"),
            "customers.add_suppression",
            _(
                "One e-mail address a line. Nothing is sent to them any more, whatever they allowed; addresses that are "
                "on the list already stay as they are. Only a keyed hash of each is kept. Nobody is taken off the list."
            ),
            (
                ("email", True, _("e-mail address")),
                ("reason", False, _("why: unsubscribed, bounced or complaint")),
            ),
            "email,reason\nnever.again@mail.example,unsubscribed\n",
            ("addresses_new",),
        ),
        Kind(
            "consents",
            "consents-csv",
            _("Bring in what people allowed"),
            "customers.change_customer",
            _(
                "One answer a line, of people who are here already. A no always counts. A yes counts only with its proof: "
                "which words the person read, and how, where and when they said it. Write the words of the other system "
                "under Notices first; in one language they are proof and are shown to nobody. Whoever said no here stays "
                "at no, and where the file says both, the no holds."
            ),
            (
                ("customer", True, _("the shop's own id of the person")),
                (
                    "purpose",
                    True,
                    _(
                        "by its short name: marketing_email, marketing_sms, personalization, analytics, "
                        "message_tracking, partner_sharing"
                    ),
                ),
                ("answer", True, _("yes or no")),
                ("notice", False, _("of a yes: the words that were read, with their version: old-shop@1")),
                ("language", False, _("of a yes: in which language: en, zh-hans")),
                ("method", False, _("of a yes: how it was said: checkbox, confirmed by e-mail")),
                ("source", False, _("of a yes: where it was said: checkout form")),
                ("at", False, _("of a yes: when it was said: 2024-05-31T10:00:00Z")),
            ),
            "customer,purpose,answer,notice,language,method,source,at\n"
            "1001,marketing_email,yes,old-shop@1,en,checkbox,checkout form,2024-05-31T10:00:00Z\n"
            "1002,marketing_email,no,,,,,\n",
            ("grants_recorded", "refusals_recorded"),
        ),
        Kind(
            "events",
            "events-csv",
            _("Bring orders and events in"),
            "customers.change_customer",
            _(
                "One event a line; of an order one product a line, and its refunds below it. Orders and refunds are kept "
                "of everybody; what people looked at, searched and put into the basket only of those who allow it, the "
                "rest is left out. Each event is kept once, by its message_id; without one, equal lines are one event. "
                "Leave out what the shop has sent already by the API or its plug-in: it would count twice. People and "
                "products that are not here yet are made; such products are shown to nobody until they are described."
            ),
            (
                ("customer", True, _("the shop's own id of the person")),
                (
                    "event",
                    True,
                    _(
                        "what was done: ordered, refunded, viewed, searched, added, removed, wished, rated, opened, clicked"
                    ),
                ),
                ("occurred_at", True, _("when it was done: 2024-05-31T10:00:00Z; without a zone it is UTC")),
                ("sku", False, _("the shop's own number of the product")),
                ("quantity", False, _("how many; 1 where it is empty")),
                ("value", False, _("the money of the line, not of one piece: 25.00")),
                ("currency", False, _("three letters: EUR")),
                ("order_id", False, _("the shop's own number of the order")),
                ("message_id", False, _("a name that no other event has")),
            ),
            "customer,event,occurred_at,sku,quantity,value,currency,order_id,message_id\n"
            "1001,ordered,2024-05-31T10:00:00Z,rose-1,2,25.00,EUR,o-77,o-77-1\n"
            "1001,refunded,2024-06-02T09:30:00Z,rose-1,1,12.50,EUR,o-77,o-77-1-back\n",
            ("kept",),
        ),
        Kind(
            "reviews",
            "reviews-csv",
            _("Bring reviews in"),
            "catalog.change_review",
            _(
                "One review a line, with a text, a rating or both. The same review twice is kept once, and none is changed. "
                "An author who is not here is left out; a product that is not here is made, and shown to nobody until it "
                "is described."
            ),
            (
                ("sku", True, _("the shop's own number of the product")),
                ("text", True, _("what was written; the cell may be empty where there is a rating")),
                ("rating", False, _("1 to 5")),
                ("title", False, _("its heading")),
                ("customer", False, _("the shop's own id of the person")),
                ("locale", False, _("language: en, zh-hans")),
                ("written_at", False, _("when it was written: 2024-05-31T10:00:00Z")),
            ),
            "sku,text,rating,customer,written_at\nrose-1,It flowers all summer,5,1001,2024-05-31T10:00:00Z\n",
            ("kept",),
        ),
    )
}
