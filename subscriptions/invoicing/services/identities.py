"""Who invoices name: both parties as they are on the day of issue, kept for as long as these."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection

from commerce.accounts.selectors import LegalIdentity, legal_identities
from commerce.markets.pack import market
from subscriptions.domain.views import Identity

_KEEP = """
WITH given AS (
  SELECT * FROM jsonb_each(%(facts)s::jsonb) AS given (digest, facts)
   WHERE NOT EXISTS (SELECT FROM subscriptions_invoiceparty AS known
                      WHERE known.digest = given.digest)
), added AS (
  INSERT INTO subscriptions_invoiceparty (digest, facts) SELECT digest, facts FROM given
  ON CONFLICT (digest) DO NOTHING RETURNING digest, id
)
SELECT digest, id FROM added
UNION ALL
SELECT known.digest, known.id
  FROM subscriptions_invoiceparty AS known WHERE known.digest = ANY(%(digests)s)
"""


def seller() -> Identity:
    """Who sells, as the settings say."""
    said: Mapping[str, str] = settings.SELLER
    company = market(settings.MARKET).check_company(
        site=said["site_number"], vat_number=said["vat_number"]
    )
    return Identity(**said, company_number=company)


def kept_parties(party_ids: Collection[int]) -> tuple[int | None, Mapping[int, int]]:
    """Keep the seller and the parties as they are now: the seller's row, and theirs by party.

    Three queries whatever their number; None and nothing for no parties. In the caller's
    transaction, under the lock that it holds.
    """
    if not party_ids:
        return None, {}
    facts = {
        party_id: _json(Identity(**_facts(identity)))
        for party_id, identity in legal_identities(party_ids).items()
    }
    selling = _json(seller())
    rows = _keep({selling, *facts.values()})
    return rows[selling], {party_id: rows[said] for party_id, said in sorted(facts.items())}


def _keep(facts: Collection[str]) -> Mapping[str, int]:
    """The rows by what they say."""
    by_digest = {_digest(said): said for said in sorted(facts)}
    # Written by hand: each of `facts` is JSON already.
    facts_by_digest = ", ".join(f'"{digest}": {said}' for digest, said in by_digest.items())
    given: dict[str, Any] = {"digests": list(by_digest), "facts": f"{{{facts_by_digest}}}"}
    found: dict[str, int] = {}
    with connection.cursor() as cursor:
        while len(found) < len(by_digest):
            # What another transaction has just added is seen by the next statement.
            cursor.execute(_KEEP, given)
            found.update({by_digest[digest]: pk for digest, pk in cursor.fetchall()})
    return found


def _facts(identity: Identity | LegalIdentity) -> dict[str, str]:
    """As `dataclasses.asdict`, which copies what it finds: a tenth of what numbering took."""
    kind: Any = type(identity)
    return {name: getattr(identity, name) for name in _names(kind)}


@cache
def _names(kind: type[Identity] | type[LegalIdentity]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _json(identity: Identity) -> str:
    return json.dumps(_facts(identity), ensure_ascii=False, sort_keys=True)


def _digest(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()
