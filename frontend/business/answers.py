"""What every row of a fleet is answered, in the reader's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from commerce.ordering.domain.fleet import RowAnswer, RowError
from frontend.shop.words import named

MOST_SHOWN = 200

FIELDS: Mapping[str, Any] = {
    "user_name": _("Name"),
    "user_email": _("E-mail"),
    "plan": _("Plan"),
    "handset": _("Phone"),
    "sim": _("SIM"),
    "term": _("Commitment"),
    "site": _("Site"),
    "cost_centre": _("Cost centre"),
    "number": _("Number"),
    "rio": _("RIO"),
    "row": _("Row"),
}
SENTENCES: Mapping[str, Any] = {
    "missing": _("Name the user of the line."),
    "email_malformed": _("Enter an e-mail address like name@example.org."),
    "user_twice": _("This user has a line already, in a row above."),
    "number_twice": _("This number is kept already, in a row above."),
    "unknown_offering": _("We know no such code; see the codes below."),
    "site_unknown": _("Name one of your sites; see the sites below."),
    "not_a_number": _("The commitment is a number of months: 0, 12 or 24."),
    "too_many_cells": _("The row has more cells than the heading."),
    "too_long": _("Use 120 letters at most."),
    "control_character": _("Leave out line breaks and control signs."),
    "number_invalid": _("A French number has 10 figures and starts with 0: 06 39 98 12 34."),
    "number_not_mobile": _("Only a mobile number, in 06 or 07, can come to a mobile plan."),
    "rio_format": _("A RIO has 12 signs, like 02PA1B2C3RE+; dial 3179 from the line to get it."),
    "rio_key": _("This RIO does not belong to the number. Check both; 3179 tells them."),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """The rows to show, those to be mended first, and how many there are."""

    rows: tuple[dict[str, Any], ...]
    fitting: int
    wrong: int
    left_out: int


def answered(answers: Sequence[RowAnswer]) -> Answers:
    """Every row with what is wrong with it; those to be mended lead."""
    wrong = sum(not answer.accepted for answer in answers)
    answers = sorted(answers, key=lambda answer: answer.accepted)
    rows = tuple(
        {
            "row": answer.row,
            "user": answer.user,
            "accepted": answer.accepted,
            "errors": [_error(error) for error in answer.errors],
        }
        for answer in answers[:MOST_SHOWN]
    )
    return Answers(rows, len(answers) - wrong, wrong, len(answers) - len(rows))


def merged(shapes: Sequence[RowAnswer], judged: Sequence[RowAnswer]) -> tuple[RowAnswer, ...]:
    """Answers about the shape of all rows, with what was said of those that could be read."""
    said = {answer.row: answer for answer in judged}
    return tuple(said.get(answer.row, answer) for answer in shapes)


def _error(error: RowError) -> dict[str, str]:
    sentence = named(error.sentences) or str(SENTENCES.get(error.code) or error.message)
    return {"field": str(FIELDS.get(error.field, error.field)), "sentence": sentence}
