"""A good first message in both languages, in HTML and in MJML."""

from typing import Any


def default_message() -> dict[str, Any]:
    """For the demo and for whoever starts."""
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
        "preheader": "A few things that go with what you like.",
        "body": body,
        "translations": {
            "zh-hans": {
                "subject": "为您精选：{{ offer.benefit | default: '好物' }}",
                "preheader": "根据您的喜好挑选的商品。",
                "body": zh,
            }
        },
    }


def mjml_example() -> str:
    """A body in MJML: a product a column, an offer if there is one, dark colours."""
    return """<mjml>
  <mj-head>
    <mj-attributes>
      <mj-all font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" />
      <mj-text font-size="16px" line-height="1.5" />
    </mj-attributes>
    <mj-style>
      @media (prefers-color-scheme: dark) {
        .sheet, .sheet table { background: #1f2226 !important; }
        .sheet div { color: #e8e8e6 !important; }
      }
    </mj-style>
  </mj-head>
  <mj-body background-color="#f4f4f2">
    <mj-section background-color="#ffffff" css-class="sheet">
      <mj-column>
        <mj-text font-size="22px">Hello {{ customer.name | default: 'there' }},</mj-text>
        <mj-text>we picked a few things that go with what you like.</mj-text>
        <mj-text>{{ offer_block }}</mj-text>
        {% for product in products %}
        <mj-text><a href="{{ product.url }}">{{ product.title }}</a> {{ product.price }}</mj-text>
        {% endfor %}
        <mj-button href="{{ shop.url }}/" background-color="#1f5fbf">Look around</mj-button>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
