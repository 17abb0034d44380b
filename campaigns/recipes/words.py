"""What the recipes' messages say, in both languages."""

from dataclasses import dataclass
from typing import Any

# What called for the message, or, where that names no product, what suits the person.
_CAUSE = (
    "{% assign shown = cause.products | default: products %}\n"
    "{% for product in shown limit: 4 %}"
    '<p><a href="{{ product.url }}">{{ product.title }}</a> {{ product.price }}</p>\n'
    "{% endfor %}"
)
_PICKS = "{{ products_block }}"


@dataclass(frozen=True)
class Words:
    """One message: its subject and what it says, in English and Chinese; and which products stand in it."""

    name: str
    subject: str
    says: str
    subject_zh: str
    says_zh: str
    picks: bool = False
    """Products that suit the person, and not those that caused it."""

    def fields(self) -> dict[str, Any]:
        """The fields of a Message."""
        return {
            "name": self.name,
            "subject": self.subject,
            "body": self._body("Hello {{ customer.name | default: 'there' }},", self.says, _WHY),
            "translations": {
                "zh-hans": {
                    "subject": self.subject_zh,
                    "body": self._body("{{ customer.name | default: '您好' }}，", self.says_zh, _WHY_ZH),
                }
            },
        }

    def _body(self, hello: str, says: str, why: str) -> str:
        products = _PICKS if self.picks else _CAUSE
        return f"<h1>{hello}</h1>\n<p>{says}</p>\n{products}\n{{{{ offer_block }}}}\n<p>{why}</p>"


_WHY = "You get this because you said yes to offers by e-mail. One click below ends that."
_WHY_ZH = "您收到此邮件是因为您同意通过电子邮件接收优惠。点击下方链接即可退订。"

WELCOME = Words(
    "Welcome",
    "Welcome, {{ customer.name | default: 'and thank you' }}",
    "thank you for your yes. We write seldom, and only when we think it is of use to you. Here is what people like most.",
    "欢迎您！",
    "感谢您的订阅。我们不会经常打扰，只在对您有用时才写信。先看看大家最喜欢的商品。",
    picks=True,
)
WELCOME_TIPS = Words(
    "Welcome: where to begin",
    "Where to begin",
    "you have been with us for a few days. These are good to begin with.",
    "从这里开始",
    "您加入我们已有几天，不妨从这些商品开始。",
    picks=True,
)
BASKET = Words(
    "Basket: a reminder",
    "You left something in your basket",
    "this is still in your basket. Take it, or leave it: we only thought you might have been called away.",
    "您的购物车里还有商品",
    "这些商品还在您的购物车里。也许您只是临时走开了，我们提醒您一下。",
)
BASKET_LAST = Words(
    "Basket: the last reminder",
    "Still in your basket",
    "we write about it this once more and then no more.",
    "商品仍在您的购物车里",
    "这是我们最后一次提醒您购物车里的商品。",
)
BROWSE = Words(
    "Looked at: a reminder",
    "Still thinking about it?",
    "you came back to this more than once. Here it is, should you want another look.",
    "还在考虑吗？",
    "您不止一次看过这件商品，如想再看看，它就在这里。",
)
WIN_BACK = Words(
    "Win back",
    "It has been a while",
    "we have not seen you for some time. This is new since, and chosen for you.",
    "好久不见",
    "有一段时间没有见到您了。这是为您挑选的新品。",
    picks=True,
)
WIN_BACK_LAST = Words(
    "Win back: the last word",
    "Shall we keep writing?",
    "if what we send is of no use to you, one click below ends it, and no hard feelings. If it is: this suits you.",
    "还要继续给您写信吗？",
    "如果我们的邮件对您没有用处，点击下方链接即可退订。如果有用，这些商品适合您。",
    picks=True,
)
REPLENISH = Words(
    "Running low",
    "Running low?",
    "by what you usually order, these may be used up soon.",
    "快用完了吗？",
    "按您平时的购买习惯，这些商品可能快用完了。",
)
PRICE_DROP = Words(
    "It costs less now",
    "It costs less now",
    "you looked at this, and its price has gone down.",
    "降价了",
    "您看过的商品降价了。",
)
BACK_IN_STOCK = Words(
    "It is back",
    "It is back",
    "what you were looking for can be had again.",
    "到货了",
    "您想要的商品又有货了。",
)
REVIEW = Words(
    "How was it?",
    "How was it?",
    "you have had it for a while now. A word from you helps the next person choose.",
    "用得怎么样？",
    "您已经使用一段时间了。您的一句评价能帮助其他人选择。",
)
GOES_WITH = Words(
    "It goes with it",
    "It goes with what you have",
    "these go well with what you ordered.",
    "与您的商品很配",
    "这些与您购买的商品很配。",
    picks=True,
)
