"""The door to what is live, and to trainings."""

from typing import Any, cast

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from customers.access import Access
from recommender import training
from recommender.models import ModelVersion, TrainingRun


class ModelOutput(serializers.Serializer[ModelVersion]):
    id = serializers.IntegerField()
    task = serializers.CharField()
    algorithm = serializers.CharField()
    state = serializers.CharField()
    people = serializers.IntegerField(help_text="whose behaviour it learnt from, all of whom allowed it")
    interactions = serializers.IntegerField()
    trained_until = serializers.DateTimeField()
    metrics = serializers.DictField()
    reason = serializers.CharField()


class ModelsView(APIView):
    scopes = {"GET": "models:read"}

    @extend_schema(
        operation_id="list_models",
        summary="What is live, and how good it is",
        responses=ModelOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        live = ModelVersion.objects.filter(state=ModelVersion.State.LIVE).order_by("task")
        return Response(ModelOutput(cast(Any, live), many=True).data)


class TrainInput(serializers.Serializer[Any]):
    task = serializers.ChoiceField(choices=[str(task) for task in training.TRAINABLE], default="recommend")
    algorithms = serializers.ListField(
        child=serializers.CharField(max_length=40), default=list, max_length=50
    )


class TrainingOutput(serializers.Serializer[TrainingRun]):
    id = serializers.IntegerField()
    task = serializers.CharField()
    state = serializers.CharField()
    progress = serializers.FloatField(help_text="0 to 1")
    step = serializers.CharField()
    seconds_left = serializers.SerializerMethodField(
        help_text="by the pace of the last one alike; null where there is nothing to go by"
    )
    is_cancelled = serializers.SerializerMethodField(help_text="also while its worker has not stopped yet")
    result = serializers.DictField()

    def get_seconds_left(self, run: TrainingRun) -> float | None:
        left = training.seconds_left(run, at=timezone.now())
        return None if left is None else round(left)

    def get_is_cancelled(self, run: TrainingRun) -> bool:
        return run.cancel_asked_at is not None


class TrainView(APIView):
    scopes = {"POST": "models:write"}

    @extend_schema(
        operation_id="start_training",
        summary="Ask for a training; it runs in the background",
        request=TrainInput,
        responses={202: TrainingOutput},
    )
    def post(self, request: Request) -> Response:
        given = TrainInput(data=request.data)
        given.is_valid(raise_exception=True)
        caller = cast(Access, request.auth)
        try:
            run = training.ask(
                given.validated_data["task"],
                by=f"key {caller.key_id}",
                algorithms=given.validated_data["algorithms"],
            )
        except ValueError as error:
            raise serializers.ValidationError({"algorithms": [str(error)]}) from error
        return Response(TrainingOutput(run).data, status=202)


class TrainingRunView(APIView):
    scopes = {"GET": "models:read"}

    @extend_schema(
        operation_id="get_training_run", summary="How far a training has come", responses=TrainingOutput
    )
    def get(self, request: Request, run: int) -> Response:
        row = TrainingRun.objects.filter(pk=run).first()
        if row is None:
            raise Http404("There is no such training.")
        return Response(TrainingOutput(row).data)


class Ended(exceptions.APIException):
    status_code = 409
    default_code = "ended"


class CancelTrainingView(APIView):
    scopes = {"POST": "models:write"}

    @extend_schema(
        operation_id="cancel_training_run",
        summary="Call a training off; nothing of it goes live",
        description="200: it is cancelled. 202: its worker stops at its next step. 409: it has ended, or is going live.",
        request=None,
        responses={200: TrainingOutput, 202: TrainingOutput},
    )
    def post(self, request: Request, run: int) -> Response:
        row = TrainingRun.objects.filter(pk=run).first()
        if row is None:
            raise Http404("There is no such training.")
        caller = cast(Access, request.auth)
        try:
            row = training.cancel(row, by=f"key {caller.key_id}", at=timezone.now())
        except training.TooLate as reason:
            raise Ended(str(reason)) from reason
        return Response(
            TrainingOutput(row).data, status=200 if row.state == TrainingRun.State.CANCELLED else 202
        )
