"""What a template may use, told to whoever writes one."""

import re
from dataclasses import dataclass
from functools import cached_property

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns import liquid_templates
from campaigns.liquid_templates import Aborted
from campaigns.messages.samples import sample_contexts


@dataclass(frozen=True)
class Variable:
    """`written` is how it is used, with a default where a person may lack it."""

    written: str
    about: str | Promise

    @property
    def name(self) -> str:
        """What one types to find it: `customer.name`, or the words of a loop."""
        found = re.match(r"\{\{\s*([\w.]+)", self.written)
        return found.group(1) if found else self.written.split("%}")[0].strip("{% ")

    @property
    def default(self) -> str:
        """What stands there for whoever lacks it; empty where nobody does."""
        found = re.search(r"default: '([^']*)'", self.written)
        return found.group(1) if found else ""

    @cached_property
    def sample(self) -> str:
        """What Anna, who is made up, would read."""
        try:
            return liquid_templates.render(self.written, sample_contexts()[0], escape=False).strip()
        except Aborted:
            return ""


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
