"""Billing by our own subscriptions: the default adapter of the billing port."""

from collections.abc import Mapping

from catalogue.selectors import snapshot_of
from commerce.ordering.domain.fulfilment import FulfilmentItem
from commerce.ordering.selectors import order_for_fulfilment
from orchestration.ports import Answer, BillingStart, Found, Standing
from promotions.selectors import promotions_of
from subscriptions.services.activate import ActivatedItem, activate


class LocalBilling:
    """Starts the contract of the bundle; asked again, it answers the same subscription."""

    def start(self, request: BillingStart, *, key: str) -> Answer:
        order = order_for_fulfilment(request.order_number, group=request.group)
        snapshot = snapshot_of(order.release)
        plan = next(item for item in order.items if item.role == "plan")
        facts = _facts(order.items)
        subscription = activate(
            order_number=request.order_number,
            group=request.group,
            party_id=request.party_id,
            segment=order.segment,
            items=[
                ActivatedItem(
                    item.line_id,
                    item.offering,
                    item.charges,
                    item.facts,
                    snapshot.offering(item.offering).name.by_language,
                )
                for item in order.items
            ],
            tax_rates=snapshot.tax_rates,
            term_months=plan.term,
            activated_on=request.starts_on,
            release=order.release,
            channel=order.channel,
            msisdn=facts.get("msisdn", ""),
            iccid=facts.get("iccid", ""),
            imei=facts.get("imei", ""),
            eid=facts.get("eid", ""),
            lpa=facts.get("lpa", ""),
            user_name=plan.config.get("user_name", ""),
            benefit_names={
                code: promotion.name.by_language
                for code, promotion in promotions_of(snapshot).promotions.items()
            },
        )
        return Answer({"subscription_id": str(subscription)})

    def find(self, key: str) -> Found:
        """It never answers late: what is asked again is done once all the same."""
        return Found(Standing.NEVER_ARRIVED, {})


def _facts(items: tuple[FulfilmentItem, ...]) -> Mapping[str, str]:
    return {name: value for item in items for name, value in item.facts.items()}
