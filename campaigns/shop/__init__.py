"""The demo's shop, its server's half: who has logged in, and orders, about which a browser is not believed.

What the pages show they ask of the public API, by `tact.js`.
"""

from campaigns.shop.deeds import check, enter, guest, order, token
from campaigns.shop.pages import basket, home, product

__all__ = ["basket", "check", "enter", "guest", "home", "order", "product", "token"]
