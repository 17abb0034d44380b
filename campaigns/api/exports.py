"""The analysts' door: which sets there are, and files of them."""

from typing import Any, cast
from uuid import UUID

from django.http import FileResponse, Http404
from django.utils import timezone, translation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns import exports
from campaigns.exports import Dataset
from campaigns.models import Export
from customers.api.caller import access


class ExportInput(serializers.Serializer[Any]):
    set = serializers.ChoiceField(choices=sorted(exports.DATASETS))
    format = serializers.ChoiceField(choices=Export.Format.choices, default=Export.Format.CSV)
    since = serializers.DateTimeField(required=False, allow_null=True, help_text="Included")
    until = serializers.DateTimeField(required=False, allow_null=True, help_text="Excluded")


class ExportOutput(serializers.Serializer[Export]):
    id = serializers.UUIDField()
    set = serializers.CharField(source="dataset")
    format = serializers.ChoiceField(choices=Export.Format.choices)
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    state = serializers.ChoiceField(choices=Export.State.choices)
    rows = serializers.IntegerField(help_text="So far; all of them once it is done")
    size = serializers.IntegerField(help_text="Bytes of the file")
    why = serializers.CharField(help_text="Why it failed, waits again, or its file is gone")
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When the file is deleted")
    download = serializers.SerializerMethodField(help_text="Whether a file waits to be fetched")

    def get_download(self, row: Export) -> bool:
        return exports.is_waiting(row, at=timezone.now())


class ColumnOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField(
        help_text="text, uuid, json, integer, float, boolean, moment or decimal(digits,places)"
    )
    about = serializers.CharField()


class DatasetOutput(serializers.Serializer[Dataset]):
    name = serializers.CharField()
    about = serializers.CharField()
    holds_people = serializers.BooleanField(source="of_people")
    time = serializers.CharField(
        help_text="The column that since and until ask about; empty: they are not taken"
    )
    columns = ColumnOutput(many=True)


class DatasetsOutput(serializers.Serializer[Any]):
    sets = DatasetOutput(many=True)


def export_or_404(number: UUID) -> Export:
    row = Export.objects.filter(pk=number).first()
    if row is None:
        raise Http404("There is no such export.")
    return row


class ExportsView(APIView):
    scopes = {"GET": "exports:read", "POST": "exports:write"}

    @extend_schema(
        operation_id="list_export_sets",
        summary="The sets that can be exported, their columns and what they mean",
        responses=DatasetsOutput,
    )
    def get(self, request: Request) -> Response:
        return Response(DatasetsOutput({"sets": list(exports.DATASETS.values())}).data)

    @extend_schema(
        operation_id="create_export",
        summary="Ask for a file of a set; it is written in the background",
        request=ExportInput,
        responses={202: ExportOutput},
    )
    def post(self, request: Request) -> Response:
        """People stand in it by the shop's own id, and only those who allow analytics."""
        given = ExportInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = cast(dict[str, Any], given.validated_data)
        try:
            with translation.override("en"):  # programs read it
                row = exports.ask(
                    said["set"],
                    form=said["format"],
                    since=said.get("since"),
                    until=said.get("until"),
                    by=f"key {access(request).key_id}",
                )
        except ValueError as error:
            raise serializers.ValidationError({"since": [str(error)]}) from error
        return Response(ExportOutput(row).data, status=202)


class ExportView(APIView):
    scopes = {"GET": "exports:read"}

    @extend_schema(
        operation_id="get_export", summary="How far an export has come, in rows", responses=ExportOutput
    )
    def get(self, request: Request, number: UUID) -> Response:
        return Response(ExportOutput(export_or_404(number)).data)


class AlreadyEnded(exceptions.APIException):
    status_code = 409
    default_code = "ended"


class CancelExportView(APIView):
    scopes = {"POST": "exports:write"}

    @extend_schema(
        operation_id="cancel_export",
        summary="Call an export off; no file is left",
        description="200: it is cancelled. 202: its worker stops at its next page. 409: it has ended.",
        request=None,
        responses={200: ExportOutput, 202: ExportOutput},
    )
    def post(self, request: Request, number: UUID) -> Response:
        by = f"key {access(request).key_id}"
        try:
            row = exports.cancel(export_or_404(number), by=by, at=timezone.now())
        except exports.TooLate as reason:
            raise AlreadyEnded(str(reason)) from reason
        return Response(ExportOutput(row).data, status=200 if row.state == Export.State.CANCELLED else 202)


class ExportDownloadView(APIView):
    scopes = {"GET": "exports:read"}

    @extend_schema(
        operation_id="download_export",
        summary="The file, for seven days, or until somebody in it may have been erased or restricted",
        responses={
            (200, media): OpenApiResponse(OpenApiTypes.BINARY)
            for media in ("text/csv", "application/gzip", "application/vnd.apache.parquet")
        },
    )
    def get(self, request: Request, number: UUID) -> FileResponse:
        return as_file(export_or_404(number), by=f"key {access(request).key_id}")


def as_file(row: Export, *, by: str) -> FileResponse:
    """The file as it is streamed, whose fetching is written down. Raises Http404."""
    try:
        file = exports.fetch(row, by=by, at=timezone.now()).open("rb")
    except (exports.Gone, FileNotFoundError) as error:
        raise Http404(str(error) if isinstance(error, exports.Gone) else "The file is gone.") from error
    name = f"{row.dataset}-{row.created_at:%Y-%m-%d}.{row.format}"
    answer = FileResponse(
        file, as_attachment=True, filename=name, content_type=exports.MEDIA_TYPES[row.format]
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer
