"""The catalogue's door: products in and out."""

from decimal import Decimal
from typing import Any, cast

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.imports import ProductInput, save_products
from catalog.models import Product

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
