"""The postal provider: prints and posts letters, which people read in the inbox."""

from commerce.sandbox.providers.parties.messages import LONGEST_TEXT, keep
from commerce.sandbox.providers.protocol import Answer, Call, Fields, Operation, Party
from commerce.sandbox.providers.world import World

MOST_LINES, LONGEST_LINE = 7, 60


def post(world: World, call: Call) -> Answer:
    fields = Fields(call.body)
    reference, subject = fields.text("reference"), fields.text("subject")
    text = fields.text("text", longest=LONGEST_TEXT)
    lines = call.body.get("to")
    if not isinstance(lines, list) or not 3 <= len(lines) <= MOST_LINES:
        fields.reject("to", "is not the three to seven lines of an envelope")
    elif not all(isinstance(line, str) and 0 < len(line) <= LONGEST_LINE for line in lines):
        fields.reject("to", "has a line that is empty or too long")
    fields.check()
    assert isinstance(lines, list)
    letter_id = keep(
        world, call, channel="letter", to=", ".join(lines), subject=subject, text=text,
        reference=reference,
    )  # fmt: skip
    world.effect(call, "letter", reference)
    return Answer(202, {"letter_id": letter_id})


LETTERS = Party(
    code="letters", title="Postal provider", operations=(Operation("POST", "items", post),)
)
