"""The third order: a firm's program orders 25 lines; another member's program approves."""

from collections import Counter
from datetime import date
from decimal import Decimal
from tempfile import NamedTemporaryFile

from commerce.local.demo.bank import Transfer, statement
from commerce.local.demo.browser import Program, wait_for
from commerce.local.demo.errors import StoryBroken
from commerce.local.demo.orders import DROPSHIP, WAREHOUSE, Told, promised_by
from commerce.local.stack import Stack

LINES = 25
PLAN, PHONE, SIM = "flotte-50", "halvik-bureau-128-graphite", "carte-sim"
PURCHASE_ORDER = "PO-2026-0425"
SITES = ("Atelier", "Entrepôt")
FIRST = ("Ada", "Basile", "Chloé", "Driss", "Elsa")
LAST = ("Aubry", "Bonnet", "Carlier", "Diallo", "Estève")


def table() -> str:
    """25 named users with a phone each, to be delivered to two sites."""
    rows = ["user_name;user_email;plan;handset;sim;term;site;cost_centre"]
    for index in range(LINES):
        name = f"{FIRST[index % 5]} {LAST[index // 5]}"
        mail = f"user{index + 1:02}@rivoire.example"
        site = SITES[index % 2]
        rows.append(f"{name};{mail};{PLAN};{PHONE};{SIM};24;{site};EM-01")
    return "\n".join(rows)


class Business:
    """Two API clients of one organisation: the buyer's and the approver's."""

    def __init__(self, stack: Stack) -> None:
        keys = {entry["role"]: entry for entry in stack.info.credentials["api_clients"]}
        self.buyer, self.approver = (
            Program(
                stack.info.web_url,
                client_id=keys[role]["client_id"],
                client_secret=keys[role]["client_secret"],
            )
            for role in ("buyer", "approver")
        )
        self.stack, self.story = stack, list[str]()

    def order(self) -> Told:
        """Offers, quote, order, approval."""
        offers = self.buyer.api("GET", "offerings", limit="24")
        self.story.append(f"lists {len(offers['items'])} offers with prices without tax")
        rows = table()
        quote = self.buyer.api("POST", "fleet-quotes", table=rows)["quote"]
        placed = self.buyer.api(
            "POST",
            "fleet-orders",
            table=rows,
            status=201,
            purchase_order_number=PURCHASE_ORDER,
            terms="true",
            expected_total=quote["due_today_gross"]["amount"],
            digest=quote["digest"],
        )
        number = str(placed["number"])
        accepted = sum(line["accepted"] for line in placed["lines"])
        self.story.append(
            f"sends {accepted} lines as a table with purchase order {PURCHASE_ORDER}; "
            f"{quote['commitment_total']['amount']} EUR over the commitment"
        )
        if placed["state"] != "awaiting_approval":
            raise StoryBroken(f"{number} is {placed['state']} and should wait for approval")
        self._approve(number)
        return Told(
            title="A business through the self-service API",
            number=number,
            story=tuple(self.story),
            promised=promised_by(quote),
            asked=Counter({("plan", PLAN): LINES, ("handset", PHONE): LINES, ("sim", SIM): LINES}),
            services={},
            ships={"handset": DROPSHIP, "sim": WAREHOUSE},
        )

    def state(self, number: str) -> str:
        return str(self.buyer.api("GET", f"orders/{number}")["state"])

    def wait_until_active(self, number: str, *, seconds: float = 120) -> None:
        wait_for(
            lambda: self.state(number) == "completed",
            what=f"the end of {number}",
            seconds=seconds,
            every=1,
        )

    def pay_bills(self, *, on: date) -> int:
        """Transfer what is open on every bill, and have the bank's file of that day taken in; how
        many bills that were."""
        bills = self.buyer.api("GET", "invoices")["items"]
        transfers = [
            Transfer(bill["number"], Decimal(bill["open"]["amount"]))
            for bill in bills
            if Decimal(bill["open"]["amount"]) > 0
        ]
        if transfers:
            with NamedTemporaryFile("w", suffix=".xml", encoding="utf-8") as file:
                file.write(statement(transfers, on=on))
                file.flush()
                self.stack.manage("import_bank_file", file.name)
        return len(transfers)

    def _approve(self, number: str) -> None:
        refusal = self.buyer.api("POST", f"orders/{number}/approve", {}, status=403)
        self.story.append(f"may not approve it itself: “{refusal['detail']}”")
        waiting = self.approver.api("GET", "approvals")["items"]
        if number not in {order["number"] for order in waiting}:
            raise StoryBroken(f"{number} is not among the approvals that wait")
        done = self.approver.api("POST", f"orders/{number}/approve", {"note": "Budget 2026"})
        approval = done["approval"]
        self.story.append(
            f"is approved by the client of {approval['decided_by']}, because "
            f"{approval['amount']['amount']} EUR is above the limit of "
            f"{approval['limit']['amount']} EUR"
        )
