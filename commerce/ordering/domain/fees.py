"""Fees of later acts, as the catalogue says them: which change they are for, and which reasons."""

from datetime import datetime

from catalogue.domain.model import Kind, Offering, Segment, Snapshot


def fee_for(
    catalogue: Snapshot, *, change: str, reason: str, segment: Segment, channel: str, at: datetime
) -> Offering | None:
    """The fee on sale whose characteristics name the change and the reason; None: it is free."""
    return next(
        (
            each
            for each in sorted(catalogue.of_kind(Kind.FEE), key=lambda fee: (fee.rank, fee.code))
            if each.characteristics.get("change") == change
            and reason in _reasons(each)
            and each.sellable(segment=segment, channel=channel, at=at)
        ),
        None,
    )


def _reasons(fee: Offering) -> tuple[object, ...]:
    said = fee.characteristics.get("reasons", ())
    return said if isinstance(said, tuple) else (said,)
