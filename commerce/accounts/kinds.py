"""The words that accounts speak: kinds, roles, channels."""

from enum import StrEnum


class PartyKind(StrEnum):
    """Customers, and merchants, who sell on the bills of ours."""

    PERSON = "person"
    ORGANISATION = "organisation"
    MERCHANT = "merchant"


class Segment(StrEnum):
    """Consumers see prices with tax, businesses without."""

    CONSUMER = "consumer"
    BUSINESS = "business"


class Channel(StrEnum):
    WEB = "web"
    CALL_CENTRE = "call_centre"
    B2B_API = "b2b_api"
    PORTAL = "portal"


class Role(StrEnum):
    """What an actor may do in this request; a member's role comes from the membership used.

    A REPORTER is a system of the operator's own that tells what it counted; a MERCHANT sells on our
    bills and sees his own payments."""

    VISITOR = "visitor"
    CUSTOMER = "customer"
    BUYER = "buyer"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    VIEWER = "viewer"
    AGENT = "agent"
    OPERATOR = "operator"
    SYSTEM = "system"
    REPORTER = "reporter"
    MERCHANT = "merchant"


MEMBER_ROLES = (Role.BUYER, Role.APPROVER, Role.ADMINISTRATOR, Role.VIEWER)


class ActorKind(StrEnum):
    VISITOR = "visitor"
    USER = "user"
    AGENT = "agent"
    CLIENT = "client"
    SYSTEM = "system"


class StaffKind(StrEnum):
    AGENT = "agent"
    OPERATOR = "operator"
    CATALOGUE_MANAGER = "catalogue_manager"
    FINANCE = "finance"


class Verification(StrEnum):
    """How sure the agent is of who calls: not at all, by facts asked, by a code sent."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"


class EntryKind(StrEnum):
    """What a line of the customer's timeline is about."""

    CONTACT = "contact"
    NOTE = "note"
    CART = "cart"
    ORDER = "order"
    PAYMENT = "payment"
    DELIVERY = "delivery"
    SUBSCRIPTION = "subscription"
    BILL = "bill"
    CONSENT = "consent"
    MESSAGE = "message"
    ACCOUNT = "account"


class RequestKind(StrEnum):
    """What a customer asks for in writing: to end a contract, or to withdraw from it."""

    END = "end"
    WITHDRAW = "withdraw"
