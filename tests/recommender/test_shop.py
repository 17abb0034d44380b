"""The demo's product page."""

import pytest
from django.http import Http404
from django.test import RequestFactory

from recommender import shop


@pytest.mark.django_db
def test_a_product_has_a_page_and_an_unlisted_one_has_none(rf: RequestFactory, products) -> None:
    page = shop.product(rf.get("/shop/rose"), "rose").content.decode()
    assert "Red rose bush" in page
    assert page.count('href="/shop/') == 5
    products["mug"].is_listed = False
    products["mug"].save()
    with pytest.raises(Http404):
        shop.product(rf.get("/shop/mug"), "mug")
