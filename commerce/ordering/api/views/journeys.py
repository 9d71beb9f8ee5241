"""Guided choosing, for clients that show a journey of their own; the pages go the same way."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.api.offers import segment_of
from commerce.ordering.api.serializers.journeys import (
    DraftAsked,
    DraftStepSerializer,
    JourneysSerializer,
    JourneyStepSerializer,
    LineQuery,
    SimulationAsked,
    SimulationSerializer,
    StepQuery,
    SwitchAsked,
    answers_in,
    answers_of,
    draft_of,
    simulated,
    usage_of,
)
from commerce.ordering.journey import (
    journey_step,
    journeys_on_sale,
    open_draft,
    plans_for_usage,
)
from commerce.ordering.services.switching import switch
from commerce.web.policy import Policy
from commerce.web.views import ApiView


class JourneysView(ApiView):
    policy = Policy.VISITOR
    scope = "catalogue"
    tag = "Journeys"

    @extend_schema(
        operation_id="listJourneys",
        parameters=[LineQuery],
        responses=JourneysSerializer(many=False),
    )
    def get(self, request: Request) -> Response:
        """Where the caller may begin.

        The steps are those of the bundles on sale. With `line` also what begins at a running line.
        """
        line = self.query(LineQuery).get("line")
        context = caller_of(request)
        found = journeys_on_sale(context, segment=segment_of(context), own_line=line is not None)
        return Response(JourneysSerializer({"items": found}).data)


class DraftStepView(ApiView):
    policy = Policy.VISITOR
    scope = "catalogue"
    tag = "Journeys"

    @extend_schema(operation_id="draftStep", request=DraftAsked, responses=DraftStepSerializer)
    def post(self, request: Request, entry: str, role: str) -> Response:
        """A step of a journey before there is a cart. Nothing is stored.

        Candidates are ranked with the reasons, each with the difference that it makes, what must
        change with it, or why it can't be chosen and the way out. Put the choices into a cart with
        `POST /carts/{code}/bundles`.
        """
        asked, context = self.body(DraftAsked), caller_of(request)
        draft = open_draft(
            context,
            entry=entry,
            draft=draft_of(asked),
            line=asked.get("line"),
            segment=segment_of(context),
        )
        view, step = draft.view(), draft.step(role, answers=answers_of(asked.get("answers")))
        return Response(
            DraftStepSerializer(
                {
                    "journey": view.journey,
                    "bundle": view.bundle,
                    "missing": view.missing,
                    "standing": view.standing,
                    "conflict": view.conflict,
                    "step": step,
                }
            ).data
        )


class PlanSimulationsView(ApiView):
    policy = Policy.PUBLIC
    scope = "catalogue"
    tag = "Journeys"

    @extend_schema(
        operation_id="simulatePlans",
        request=SimulationAsked,
        responses=SimulationSerializer(many=False),
    )
    def post(self, request: Request) -> Response:
        """The best plan for a usage.

        Each plan on sale as a new line, promotions included, with use beyond its allowances priced
        where the plan has a price for it.
        """
        asked, context = self.body(SimulationAsked), caller_of(request)
        costs = plans_for_usage(
            context, usage=usage_of(asked), term=asked.get("term"), segment=segment_of(context)
        )
        return Response(simulated(costs))


class JourneyStepView(ApiView):
    policy = Policy.VISITOR
    tag = "Journeys"

    @extend_schema(
        operation_id="getJourneyStep", parameters=[StepQuery], responses=JourneyStepSerializer
    )
    def get(self, request: Request, code: str, group: str, role: str) -> Response:
        """What may fill a role of a bundle in the cart.

        Each candidate with the difference that it makes and what must change with it, or with the
        reason why it can't be chosen and the way out.
        """
        asked = self.query(StepQuery)
        step = journey_step(
            caller_of(request),
            code=code,
            group=group,
            role=role,
            term=asked.get("term"),
            answers=answers_in(asked),
        )
        return Response(JourneyStepSerializer(step).data)

    @extend_schema(
        operation_id="switch", request=SwitchAsked, responses={200: JourneyStepSerializer}
    )
    def post(self, request: Request, code: str, group: str, role: str) -> Response:
        """Choose in a step, together with what must change with it.

        Where other roles change, `accept` repeats the candidate's `confirmation`; else the answer
        is `changes_needed` with what would change, and nothing is changed.
        """
        asked, context = self.body(SwitchAsked), caller_of(request)
        switch(
            context,
            code=code,
            group=group,
            role=role,
            offering=asked["offering"],
            term=asked.get("term"),
            accepted=asked["accept"],
        )
        step = journey_step(context, code=code, group=group, role=role)
        return Response(JourneyStepSerializer(step).data)
