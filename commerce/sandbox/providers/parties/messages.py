"""The carrier of SMS and e-mails; people read them in the inbox."""

from functools import partial

from commerce.sandbox.common.clock import iso
from commerce.sandbox.common.storage import Database
from commerce.sandbox.providers import numbers
from commerce.sandbox.providers.protocol import Answer, Call, Fields, Json, Operation, Party
from commerce.sandbox.providers.world import World

PREFIX = {"sms": "sms", "email": "eml", "letter": "ltr"}
LONGEST_SMS = 1530
LONGEST_TEXT = 500_000


def define(database: Database) -> None:
    """Create the mailbox."""
    database.define(
        "CREATE TABLE IF NOT EXISTS message ("
        " seq INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, channel TEXT NOT NULL,"
        " recipient TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, html TEXT NOT NULL,"
        " reference TEXT NOT NULL, request_key TEXT NOT NULL, sent_at REAL NOT NULL);"
        "CREATE INDEX IF NOT EXISTS message_recipient ON message (recipient);"
        "CREATE INDEX IF NOT EXISTS message_reference ON message (reference);"
    )


def send(world: World, call: Call, *, channel: str) -> Answer:
    fields = Fields(call.body)
    to, reference = fields.text("to"), fields.text("reference")
    email = channel == "email"
    text = fields.text("text", longest=LONGEST_TEXT if email else LONGEST_SMS)
    subject = fields.text("subject") if email else ""
    html = fields.text("html", optional=True, longest=LONGEST_TEXT) if email else ""
    if to and (not _mail_like(to) if email else recipient(to) is None):
        fields.reject("to", "is not an address" if email else "is not a number")
    fields.check()
    message_id = keep(
        world, call, channel=channel, to=to if email else recipient(to) or "", subject=subject,
        text=text, html=html, reference=reference,
    )  # fmt: skip
    world.effect(call, channel, reference)
    return Answer(202, {"message_id": message_id})


def keep(
    world: World,
    call: Call,
    *,
    channel: str,
    to: str,
    subject: str,
    text: str,
    reference: str,
    html: str = "",
) -> str:
    """Put it in the inbox; its id."""
    message_id = world.new_id(PREFIX[channel])
    world.database.insert(
        "INSERT INTO message (message_id, channel, recipient, subject, text, html, reference,"
        " request_key, sent_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (message_id, channel, to, subject, text, html, reference, call.key, world.now),
    )
    return message_id


def sent(
    database: Database,
    *,
    to: str = "",
    reference: str = "",
    channel: str = "",
    message_id: str = "",
    newest: int | None = None,
) -> list[Json]:
    """Messages that match all that is given, oldest first."""
    wished = to.strip()
    wished = wished if _mail_like(wished) else recipient(wished) or wished
    rows = database.rows(
        "SELECT * FROM (SELECT * FROM message WHERE (? = '' OR recipient = ?)"
        " AND (? = '' OR reference = ?) AND (? = '' OR channel = ?)"
        " AND (? = '' OR message_id = ?) ORDER BY seq DESC LIMIT ?) ORDER BY seq",
        (
            *(wished, wished, reference, reference, channel, channel, message_id, message_id),
            -1 if newest is None else newest,
        ),
    )
    return [_shown(dict(row)) for row in rows]


def recipient(number: str) -> str | None:
    """A French number in its international form, others as they are; None if it is no number.

    A plus sign that was lost in a query string is forgiven.
    """
    national = numbers.national(number) or numbers.national(f"+{number}")
    if national:
        return f"+33{national[1:]}"
    digits = number.removeprefix("+").replace(" ", "")
    return number if digits.isdigit() and 4 <= len(digits) <= 15 else None


def _shown(row: Json) -> Json:
    names = ("message_id", "channel", "subject", "text", "html", "reference", "request_key")
    shown = {name: row[name] for name in names}
    return {**shown, "to": row["recipient"], "sent_at": iso(row["sent_at"])}


def _mail_like(address: str) -> bool:
    name, at, host = address.rpartition("@")
    return bool(name and at and host) and not any(character.isspace() for character in address)


MESSAGES = Party(
    code="messages",
    title="SMS and e-mail carrier",
    operations=(
        Operation("POST", "sms", partial(send, channel="sms")),
        Operation("POST", "emails", partial(send, channel="email")),
    ),
)
