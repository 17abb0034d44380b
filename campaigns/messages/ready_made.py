"""Messages to begin with, in blocks and in both languages: an announcement, an offer, news of products, a welcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.messages.layout import FOOTER, KINDS, ORIGINAL, Block, Kind, Layout, sound

ZH = "zh-hans"
Words = Mapping[str, tuple[str, str]]
"""part -> the original, and its Chinese (empty where it is the same in every language)"""


@dataclass(frozen=True)
class ReadyMade:
    slug: str
    label: str | Promise
    about: str | Promise
    name: str
    subject: tuple[str, str]
    preheader: tuple[str, str]
    blocks: Sequence[tuple[str, Words]]

    @property
    def outline(self) -> list[Kind]:
        """Its blocks by their kinds, for who chooses."""
        return [KINDS[block.kind] for block in self.layout.blocks]

    @property
    def layout(self) -> Layout:
        made = [
            Block(f"b{n}", kind, {ORIGINAL: _in(words, 0), ZH: _in(words, 1)})
            for n, (kind, words) in enumerate((*self.blocks, (FOOTER, {"text": _WHY})), 1)
        ]
        return sound(Layout(made))


def _in(words: Words, language: int) -> dict[str, str]:
    return {part: told[language] for part, told in words.items() if told[language]}


_WHY = (
    "You get this because you said yes to offers by e-mail. One click below ends that.",
    "您收到此邮件是因为您同意通过电子邮件接收优惠。点击下方链接即可退订。",
)
_HELLO = ("Hello {{ customer.name | default: 'there' }},", "{{ customer.name | default: '您好' }}，")
_SHOP = ("{{ shop.url }}/", "")
READY_MADE: Mapping[str, ReadyMade] = {
    one.slug: one
    for one in (
        ReadyMade(
            "announcement",
            _("Announcement"),
            _("One thing to say and one button."),
            "Announcement",
            ("Something new for you", "有新消息告诉您"),
            (
                "In one minute: what is new and what it means for you.",
                "一分钟了解最新消息，以及它对您意味着什么。",
            ),
            (
                ("heading", {"text": _HELLO}),
                (
                    "text",
                    {
                        "text": (
                            "we have news. Say here in two or three sentences what is new.\n\n**What it means for you:** say that in one.",
                            "我们有新消息。请在这里用两三句话说明有什么新变化。\n\n**这对您意味着：**请用一句话说明。",
                        )
                    },
                ),
                ("button", {"text": ("Read more", "了解更多"), "address": _SHOP}),
            ),
        ),
        ReadyMade(
            "offer",
            _("Offer"),
            _("What the person is given, with its code, and what goes with it."),
            "Offer",
            (
                "{{ offer.benefit | default: 'A pick' }} for you, {{ customer.name | default: 'and your taste' }}",
                "为您准备：{{ offer.benefit | default: '精选好物' }}",
            ),
            ("Yours until the day that stands below.", "有效期见邮件内。"),
            (
                ("heading", {"text": _HELLO}),
                ("text", {"text": ("this is for you:", "这是为您准备的：")}),
                (
                    "offer",
                    {
                        "list": ("first", ""),
                        "text": ("Have a look at what is new this week.", "来看看本周的新品吧。"),
                    },
                ),
                (
                    "products",
                    {"list": ("recommended", ""), "text": ("What it goes well with", "搭配这些正合适")},
                ),
                ("button", {"text": ("Use it now", "立即使用"), "address": _SHOP}),
            ),
        ),
        ReadyMade(
            "products",
            _("Product news"),
            _("What is recommended to each person, under a few words."),
            "Product news",
            ("Picked for you", "为您精选"),
            ("A few things that go with what you like.", "根据您的喜好挑选的商品。"),
            (
                ("heading", {"text": _HELLO}),
                (
                    "text",
                    {
                        "text": (
                            "we picked a few things that go with what you like.",
                            "我们根据您的喜好挑选了几样商品。",
                        )
                    },
                ),
                ("products", {"list": ("recommended", "")}),
                ("divider", {}),
                ("button", {"text": ("See everything new", "查看全部新品"), "address": _SHOP}),
            ),
        ),
        ReadyMade(
            "welcome",
            _("Welcome"),
            _("The first mail after somebody said yes."),
            "Welcome",
            ("Welcome, {{ customer.name | default: 'and thank you' }}", "欢迎您！"),
            (
                "What we send you, how often, and how to change it.",
                "我们会寄什么、多久寄一次，以及如何更改。",
            ),
            (
                ("heading", {"text": ("Good to have you here", "很高兴认识您")}),
                (
                    "text",
                    {
                        "text": (
                            "Thank you for your yes. We write seldom, and only when we think it is of use to you:\n\n- what is new in what you like\n- offers that are meant for you\n\nYou choose [what and how often]({{ links.preferences }}).",
                            "感谢您的订阅。我们不会经常打扰，只在对您有用时才写信：\n\n- 您喜欢的新品\n- 专为您准备的优惠\n\n您可以选择[内容和频率]({{ links.preferences }})。",
                        )
                    },
                ),
                (
                    "products",
                    {
                        "list": ("recommended", ""),
                        "text": ("What people like to begin with", "大家喜欢从这里开始"),
                    },
                ),
                ("button", {"text": ("Look around", "随便看看"), "address": _SHOP}),
            ),
        ),
        ReadyMade(
            "empty",
            _("Empty"),
            _("A heading, a text and the footer."),
            "",
            ("", ""),
            ("", ""),
            (("heading", {}), ("text", {})),
        ),
    )
}
