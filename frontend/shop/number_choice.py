"""The number of a new line, asked alike by the shop's step and on the agent's screen."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from catalogue.selectors import snapshot_of
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_today
from commerce.kernel.errors import FaisceauError, InvalidInput
from commerce.markets.pack import market
from commerce.ordering.domain.numbering import SLOTS, Keep, NumberChoice, lends_number
from commerce.ordering.selectors import CartView
from commerce.ordering.services import carts
from commerce.ordering.services.numbering import former_numbers
from frontend.shop.contract import display_number
from frontend.shop.forms import NumberForm, note_refusal
from frontend.shop.numbers import number_groups
from frontend.shop.summary_dates import withdrawal_words
from frontend.shop.words import on_day

DAYS_SHOWN = 18
MOST_FIGURES = 14


def number_form(request: HttpRequest, view: CartView, *, line_id: str) -> NumberForm:
    """What was sent, or what the plan's line `line_id` knows already."""
    options: dict[str, Any] = {
        "days": days_to_choose(),
        "slots": slots_to_choose(),
    }
    if request.method == "POST":
        return NumberForm(request.POST, **options)
    return NumberForm(initial=_known(view.configs.get(line_id, {})), **options)


def number_values(
    request: HttpRequest, context: AccountContext, view: CartView, *, line_id: str, form: NumberForm
) -> dict[str, Any]:
    """The context of `checkout/number.html`; `?figures=` narrows the numbers."""
    config = view.configs.get(line_id, {})
    figures = request.GET.get("figures", "")[:MOST_FIGURES]
    return {
        "form": form,
        "figures": figures,
        "numbers": number_groups(
            snapshot_of(view.quote.release),
            segment=view.segment,
            channel=str(context.channel),
            figures=figures,
            salt=view.code,
            own=config.get("msisdn", "") if config.get("number_choice") == "new" else "",
            former=former_numbers(context.party_id),
        ),
        "kept_until": view.numbers_until.get(line_id),
        "picked": form["proposed"].value() or "",
        "early": withdrawal_words(),
        "lends": _lends(view, line_id=line_id),
    }


def _lends(view: CartView, *, line_id: str) -> bool:
    catalogue = snapshot_of(view.quote.release)
    line = next((line for line in view.quote.lines if line.id == line_id), None)
    return line is not None and lends_number(catalogue.offering(line.offering), catalogue=catalogue)


def keep_number(
    context: AccountContext,
    form: NumberForm,
    *,
    code: str,
    line_id: str,
    group: str = "",
    sim: str = "",
) -> bool:
    """Keep the number, and the `sim` of the bundle `group` if one was chosen with it.

    What is refused stands beside its field; False then.
    """
    values = form.cleaned_data
    keep = Keep(values["keep"])
    ported = keep is Keep.PORT
    choice = NumberChoice(
        keep=keep,
        msisdn=values["msisdn"] if ported else values["proposed"],
        rio=values["rio"] if ported else "",
        port_on=form.wished_on if ported else None,
        slot=values["slot"] if ported else "",
        temporary=ported and values["temporary"],
    )
    try:
        if sim:
            carts.choose(context, code=code, group=group, role="sim", offering=sim)
        carts.choose_number(context, code=code, line_id=line_id, choice=choice)
    except (InvalidInput, FaisceauError) as refusal:
        note_refusal(form, refusal)
        return False
    return True


def _known(config: Any) -> dict[str, str]:
    choice = config.get("number_choice", "new")
    number = config.get("msisdn", "")
    return {
        "keep": choice,
        "proposed": number if choice == "new" else "",
        "msisdn": display_number(number) if choice == "port" else "",
        "rio": config.get("rio", ""),
        "port_on": config.get("port_on", ""),
        "slot": config.get("port_slot", ""),
        "temporary": config.get("temporary", ""),
    }


def slots_to_choose() -> list[tuple[str, str]]:
    return [(slot, slot.replace("-", " – ")) for slot in SLOTS]


def days_to_choose() -> list[tuple[str, str]]:
    """The next working days; the first choice leaves the day to us."""
    pack, today = market(settings.MARKET), business_today()
    days = [pack.add_working_days(today, days=n) for n in range(1, DAYS_SHOWN + 1)]
    return [("", _("As soon as possible")), *((day.isoformat(), on_day(day)) for day in days)]
