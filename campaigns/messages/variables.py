"""What a template may use, told to whoever writes one."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Variable:
    """`written` is how it is used, with a default where a person may lack it."""

    written: str
    about: str | Promise


VARIABLES = (
    Variable("{{ customer.name | default: 'there' }}", _("The person's name.")),
    Variable("{{ customer.country | default: '' }}", _("Two letters, such as DE.")),
    Variable(
        "{{ customer.attribute_size | default: '' }}", _("What the shop tells of a person, by its name.")
    ),
    Variable("{{ offer_block }}", _("The first offer with its code and terms; nothing where there is none.")),
    Variable("{{ offers_block }}", _("All offers of the placement, one under the other.")),
    Variable("{{ products_block }}", _("What is recommended to the person, as many as the message says.")),
    Variable("{{ cause_block }}", _("The products that began a journey, such as those left in the basket.")),
    Variable("{{ offer.benefit | default: '' }}", _("What the first offer gives, in words.")),
    Variable("{{ offer.title | default: '' }}", _("Also description, code, valid_until, minimum and terms.")),
    Variable(
        "{% for offer in offers %}{{ offer.title }}{% endfor %}",
        _("Each offer; inside, no default is needed."),
    ),
    Variable(
        "{% for product in products %}{{ product.title }}{% endfor %}",
        _("Each product: sku, title, url, image_url, price."),
    ),
    Variable(
        "{% for product in cause.products %}{{ product.title }}{% endfor %}",
        _("Each product that began a journey."),
    ),
    Variable("{{ 12.5 | money: 'EUR' }}", _("An amount in the reader's manner.")),
    Variable("{{ shop.url }}", _("The shop's own address.")),
    Variable(
        "{{ links.preferences }}", _("The person's own page; the way out stands under every mail anyway.")
    ),
    Variable("{{ language }}", _("The reader's language: en or zh-hans.")),
    Variable(
        "{% if products.size == 0 %}{{ 'nothing to show' | abort }}{% endif %}",
        _("Sends this person no message, and notes why."),
    ),
)
