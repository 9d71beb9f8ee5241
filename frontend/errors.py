"""Refusals of services in forms: beside the field where there is one."""

from django.forms import BaseForm

from commerce.kernel.errors import FaisceauError
from frontend.sentences import sentence_of


def put(form: BaseForm, error: FaisceauError) -> None:
    """Show the refusal in the form: at its field, else above all fields."""
    name = str(error.detail.get("field", ""))
    form.add_error(name if name in form.fields else None, sentence_of(error))
