"""The catalogue's door: products in and out."""

from decimal import Decimal
from typing import Any, cast

from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.imports import ProductInput, save_products
from catalog.lists import NumberedPages
from catalog.models import Category, Product, ProductQuerySet

CURRENCY = r"^[A-Z]{3}$"
NOT_NEGATIVE = Decimal(0)


class ProductFields(serializers.Serializer[Any]):
    """A product as the shop describes it; a field that is left out stays as it is."""

    title = serializers.CharField(max_length=500, required=False)
    description = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    category = serializers.CharField(max_length=200, required=False, allow_blank=True)
    brand = serializers.CharField(max_length=200, required=False, allow_blank=True)
    price = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=NOT_NEGATIVE, required=False)
    currency = serializers.RegexField(CURRENCY, required=False, help_text="ISO 4217")
    in_stock = serializers.BooleanField(required=False)
    image_url = serializers.URLField(max_length=1000, required=False, allow_blank=True)
    url = serializers.URLField(max_length=1000, required=False, allow_blank=True)
    attributes = serializers.DictField(required=False)


class ProductItem(ProductFields):
    sku = serializers.CharField(max_length=100)


class ProductsInput(serializers.Serializer[Any]):
    products = ProductItem(many=True, allow_empty=False)


class ProductOutput(serializers.Serializer[Product]):
    sku = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    category = serializers.CharField(source="category.name", default="")
    brand = serializers.CharField()
    price = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    currency = serializers.CharField()
    in_stock = serializers.BooleanField()
    image_url = serializers.CharField()
    url = serializers.CharField()
    attributes = serializers.DictField()


class SavedOutput(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()


class ProductPageOutput(serializers.Serializer[Any]):
    """`next` and `previous` are the addresses of the neighbouring pages."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ProductOutput(many=True)


class SkuList(serializers.CharField):
    """SKUs in one parameter, separated by commas. It is the parameter that has a longest length, and no NUL."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        said = super().run_validation(data)
        return [sku for sku in said.split(",") if sku] if isinstance(said, str) else said


class ProductsListInput(serializers.Serializer[Any]):
    """Which products; each narrows the others."""

    category = serializers.CharField(max_length=200, required=False, help_text="A category's name or slug")
    brand = serializers.CharField(max_length=200, required=False, help_text="As the shop writes it")
    search = serializers.CharField(
        min_length=2,
        max_length=100,
        required=False,
        help_text="Words, all of which stand in the title, in any order and inside other words too",
    )
    in_stock = serializers.BooleanField(required=False, allow_null=True, default=None)
    skus = SkuList(max_length=5000, default="", help_text="Only these, separated by commas")
    cursor = serializers.CharField(max_length=500, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=50)


class ProductPages(NumberedPages):
    """In the order in which they came into the catalogue: the primary key is walked, nothing is sorted."""

    ordering = "pk"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 100


MOST_WORDS = 5


def found(asked: dict[str, Any]) -> ProductQuerySet:
    """The listed products that the request asks for.

    A word is looked for in every title: at 50,000 products one that stands nowhere costs a few dozen milliseconds.
    """
    rows: ProductQuerySet = Product.objects.listed().select_related("category")
    if name := asked.get("category"):
        named = Category.objects.filter(Q(slug=name) | Q(name=name))
        rows = rows.filter(category__in=list(named.values_list("pk", flat=True)))
    if brand := asked.get("brand"):
        rows = rows.filter(brand=brand)
    if asked["in_stock"] is not None:
        rows = rows.filter(in_stock=asked["in_stock"])
    if asked["skus"]:
        rows = rows.filter(sku__in=asked["skus"])
    for word in asked.get("search", "").split()[:MOST_WORDS]:
        rows = rows.filter(title__icontains=word)
    return rows


class ProductsView(APIView):
    scopes = {"GET": "catalog:read"}

    @extend_schema(
        operation_id="list_products",
        summary="The shop's products: of a category, a brand, by words of the title",
        parameters=[ProductsListInput],
        responses=ProductPageOutput,
    )
    def get(self, request: Request) -> Response:
        given = ProductsListInput(data=request.query_params)
        given.is_valid(raise_exception=True)
        pages = ProductPages()
        page: Any = pages.paginate_queryset(found(given.validated_data), request, view=self)
        return pages.get_paginated_response(ProductOutput(page, many=True).data)


def product_or_404(sku: str) -> Product:
    product = Product.objects.select_related("category").filter(sku=sku).first()
    if product is None:
        raise Http404(f"There is no product {sku!r}.")
    return product


class ProductView(APIView):
    scopes = {"GET": "catalog:read", "PUT": "catalog:write"}

    @extend_schema(operation_id="get_product", summary="One product", responses=ProductOutput)
    def get(self, request: Request, sku: str) -> Response:
        return Response(ProductOutput(product_or_404(sku)).data)

    @extend_schema(
        operation_id="put_product",
        summary="Create or change a product",
        request=ProductFields,
        responses={200: ProductOutput, 201: ProductOutput},
    )
    def put(self, request: Request, sku: str) -> Response:
        given = ProductItem(data={**cast(dict[str, Any], request.data), "sku": sku})
        given.is_valid(raise_exception=True)
        saved = save_products([ProductInput(**given.validated_data)], at=timezone.now())
        return Response(ProductOutput(product_or_404(sku)).data, status=201 if saved.created else 200)


class ProductsBulkView(APIView):
    scopes = {"POST": "catalog:write"}

    @extend_schema(
        operation_id="put_products",
        summary="Create or change up to 1,000 products, all or none",
        request=ProductsInput,
        responses=SavedOutput,
    )
    def post(self, request: Request) -> Response:
        given = ProductsInput(data=request.data)
        given.is_valid(raise_exception=True)
        inputs = [ProductInput(**product) for product in given.validated_data["products"]]
        return Response(SavedOutput(save_products(inputs, at=timezone.now())).data)
