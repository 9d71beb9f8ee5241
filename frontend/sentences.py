"""What a refusal is called on a page: a sentence for its code, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from commerce.kernel.errors import FaisceauError
from commerce.web.problems import problem_of
from frontend.shop.words import named

SENTENCES: Mapping[str, Any] = {
    "no_bill_day": _("There is no bill day yet, or no bill to come."),
    "unknown_payer_code": _("This code is not valid, or not any more. Ask for another one."),
    "unknown_payer_agreement": _("There is no such agreement any more."),
    "may_not_say_who_pays": _("Only administrators of your firm say who pays bills."),
    "payer_is_itself": _("This code is your own: the other party has to accept it."),
    "payer_of_other_kind": _("A firm pays for firms, and a person for persons."),
    "has_payer": _("Another party pays these bills already."),
    "payer_is_paid": _("Who pays has bills of its own that another party pays: end that first."),
    "paid_is_payer": _("Who pays for others pays its own bills."),
    "pays_for_most": _("One party pays for %(most)s others at most."),
    "cycle_day_not_offered": _("Bills are not made on that day."),
    "same_cycle_day": _("Bills are made on that day already."),
    "cycle_day_moves_already": _("The bill day is being moved already: wait until that is done."),
    "cycle_day_moved_lately": _("The bill day was moved lately: it can't be moved again yet."),
    "account_parked": _("A bill is being looked at by us: try again in a few days."),
    "bill_under_way": _("A bill is being made: try again later."),
    "change_ahead": _("A change of a line is still to take effect: move the bill day after it."),
    "free_item_waits": _(
        "Something is free until a day that the move would change: take it off first, or wait "
        "until then."
    ),
    "move_changed": _("The coming bills have changed meanwhile: look at them again."),
    "administrators_only": _("Only administrators of your firm move the bill day."),
    "answer_too_late": _(
        "It is too late to answer: it ends with its free months. You can order it anew."
    ),
    "changed_meanwhile": _(
        "Somebody else has changed this meanwhile. What you typed stands beside what is kept now: "
        "look at it, and save again."
    ),
    "asked_too_often": _("Somebody was asked for this line several times today. Try tomorrow."),
    "record_missing": _("Say where the customer's yes is recorded."),
    "unknown_cart": _("We know no cart of that name. Check its letters, or begin a new one."),
    "unknown_offering": _("This is no longer in our catalogue. Please choose another."),
    "compare_too_many": _("At most %(most)s go side by side. Take one away first."),
    "compare_no_table": _("Only phones and plans can be compared."),
    "compare_kinds_mixed": _("Phones are compared with phones, and plans with plans."),
    "claimed": _("%(operator)s has taken this task."),
    "not_claimed": _("Take the task first, so that nobody else does it."),
    "moved_on": _("The task has moved on meanwhile."),
    "waits_for_orders": _("This order waits for others: cancel those, or this one."),
    "in_doubt": _(
        "Nobody knows yet what became of the request. Try again with the data as they are."
    ),
    "nothing_replaced": _("Nothing of it is different."),
    "value_missing": _("Fill in every field."),
    "value_malformed": _("One of the values is not written as it should be."),
    "refund_reason_missing": _("Nothing was given back: say why, and how much."),
    "unknown_payment": _("This purchase is not one of this line."),
    "no_line_chosen": _("Choose at least one line."),
    "may_not_limit_purchases": _("Ask an administrator or who approves orders of your firm."),
    "notice_too_short": _("It would take effect too soon: the customers must be told in time."),
    "nobody_touched": _("No running contract holds that."),
    "not_a_plan": _("Only a plan takes the place of another."),
    "terms_touch_others": _(
        "Meanwhile it touches %(contracts)s contracts. Nothing was announced; try it again."
    ),
    "terms_code_taken": _("A change of that name was announced already."),
    "unknown_proof": _("There is no such document any more."),
    "month_not_over": _("The month is not over yet."),
    "months_not_closed": _(
        "The months of some merchants can’t be closed, the others’ are: see the log."
    ),
    "month_closed": _("That month is closed, or its terms are agreed."),
    "nothing_payable": _("Nothing is payable to this merchant."),
    "payable_changed": _(
        "Nothing was noted: another sum is payable by now, or was noted under this reference."
    ),
    "reference_missing": _("Say by which transfer he was paid."),
    "payment_cancelled": _("The time for an answer is over. Nothing was bought."),
    "already_validated": _("You have answered before."),
    "more_than_remains": _("No more can be given back than is left of it."),
    "not_paid": _("Only what was bought can be given back."),
    "unknown_service": _("This service is not one of your lines."),
    "unknown_merchant": _("We know no merchant of that name."),
    "cap_out_of_range": _("Choose an amount from nothing to the most that the law allows."),
    "bad_address": _("Enter a public address that begins with https://."),
    "too_many_endpoints": _("There are ten addresses already; remove one first."),
    "endpoint_not_active": _("The address hears of nothing now. Resume it first."),
    "unknown_endpoint": _("We know no address of that name that you may see."),
    "unknown_message": _("This message is no longer in the log."),
    "may_not_manage_webhooks": _(
        "Ask an administrator or a buyer of your firm to manage its webhooks."
    ),
    "unknown_order": _("We know no order of that number that you may see."),
    "unknown_link": _("This link is not valid any more. Ask for a new one."),
    "unknown_group": _("This part of your cart is no longer there."),
    "unknown_line": _("This line is no longer in your cart."),
    "cart_ordered": _("This cart was ordered already. Your order goes on; nothing was doubled."),
    "cart_expired": _("This cart has expired. Please begin a new one; the prices may differ."),
    "cart_empty": _("Your cart is empty. Choose a phone or a plan first."),
    "cart_in_use": _("%(editor)s is changing this cart at the moment. Try again in two minutes."),
    "other_customer": _("This cart belongs to another customer."),
    "agents_only": _("A cart is opened by its code on the phone, by one of our agents."),
    "bundle_needed": _("This comes with a plan. Choose the plan first."),
    "quantity_out_of_range": _("Choose a quantity from 1 to 999."),
    "too_many_lines": _("A cart takes 200 lines at most. Order these first."),
    "slot_full": _("There is no more room for this in your bundle. Remove something first."),
    "slot_unknown": _("This has no place in this bundle. Order it on its own."),
    "term_not_offered": _("This plan is not offered with that commitment. Choose another one."),
    "unknown_promotion_code": _("We do not know this code. Check how it is written."),
    "promotion_used_up": _("This advantage is used up. Your cart was priced again without it."),
    "price_changed": _(
        "The price has changed since you saw it. Nothing was ordered; please look at it again."
    ),
    "out_of_stock": _("We have no more than %(available)s of this. Choose fewer or another."),
    "unknown_shop": _("This shop is not there. Please choose another one."),
    "too_many_numbers_kept": _(
        "As many numbers as you may have are kept for you already. Order one, or wait a quarter "
        "of an hour."
    ),
    "number_taken": _("Somebody else has just taken this number. Please choose another."),
    "no_number_left": _("No number of this kind is left. Please choose any other."),
    "number_is_ours": _(
        "This number is already with us. Only a number of another operator can be kept here."
    ),
    "port_under_way": _("Bringing this number to us is already ordered. Check how it is written."),
    "number_invalid": _("A French number has 10 figures and starts with 0: 06 39 98 12 34."),
    "no_temporary_number": _("There is no temporary number with this plan."),
    "number_not_sold": _("This number can't be had with this line. Choose another one."),
    "route_invalid": _(
        "Calls are led to a landline or mobile number of 10 figures: 01 99 00 12 34."
    ),
    "purpose_not_offered": _("These numbers are not sold for that. Choose another use."),
    "number_not_mobile": _("Only a mobile number, in 06 or 07, can come to a mobile plan."),
    "port_day_invalid": _(
        "Choose a working day, from Monday to Saturday, between tomorrow and three months from now."
    ),
    "port_slot_invalid": _("Choose one of the three time slots."),
    "porting_busy": _("A request is under way. Try again in a minute."),
    "porting_too_late": _("It is too late to change this: the eve of the move, 8 pm, is over."),
    "porting_not_refused": _("There is nothing to correct at the moment."),
    "porting_refused": _("Send the request again, with the day that suits you."),
    "redirection_not_offered": _("The other operator does not redirect calls."),
    "unknown_porting": _("No number is on its way for this line."),
    "nothing_owed": _("Nothing is owed for it any more."),
    "note_missing": _("Say how it was credited."),
    "caller_not_verified": _("Establish who is calling before you change anything."),
    "terms_not_accepted": _("Please accept the terms of sale to order."),
    "contract_summary_not_confirmed": _(
        "Please confirm that you have received the contract summary and agree to it."
    ),
    "customer_missing": _("Tell us who orders: your name and e-mail address."),
    "address_missing": _("Tell us where the parcel should go."),
    "address_incomplete": _("Fill in this line."),
    "postcode_malformed": _("A French postcode has five figures."),
    "name_length": _("Enter a name of 1 to 80 letters."),
    "email_taken": _("There is an account with this e-mail address already. Log in instead."),
    "email_malformed": _("Enter an e-mail address like name@example.org."),
    "phone_malformed": _("Enter a phone number of 10 figures, or with its country code (+33…)."),
    "not_accepted": _("Nothing of this order has begun yet; it can simply be cancelled."),
    "order_over": _("This order is over. What has arrived can be returned."),
    "past_return": _("A part of it can't be taken back any more; return it, or end the contract."),
    "passing": _("It is being completed at this very moment. Look again in a minute."),
    "bundle_over": _("This part of the order is over."),
    "cancelling": _("This part is being cancelled already."),
    "number_moves": _(
        "Your number is about to move to us. That could be called off until 8 pm on the eve."
    ),
    "beginning": _("Work on the order begins just now. Look again in a minute."),
    "impact_changed": _("Meanwhile the order has gone on. Look again at what cancelling does."),
    "code_too_long": _("This is too long."),
    "firms_only": _("Only firms have cost centres and purchase orders."),
    "only_looks": _("You may look, and change nothing."),
    "control_character": _("Leave out line breaks and control signs."),
    "proof_kind": _("Send a PDF, a JPEG or a PNG."),
    "proof_too_large": _("The document may have 4 megabytes at most."),
    "too_many_proofs": _("There are enough documents already."),
    "no_motive": _("This request names no motive to be proved."),
    "decision_note_missing": _("Say what became of it."),
    "difference_decided": _("This difference waits for nobody any more."),
    "unknown_settlement": _("This month was never settled."),
    "file_missing": _("Choose a file."),
    "bank_file_unreadable": _(
        "This file is no bank statement that can be read (camt.053): %(what)s."
    ),
    "bank_file_does_not_add_up": _(
        "The movements of this file do not lead from its opening to its closing balance."
    ),
    "bank_file_of_another": _("This file is of another bank account, or not in euros."),
    "bank_file_contradicts": _(
        "The file says something else of %(what)s than when it was taken in before."
    ),
    "unknown_bank_entry": _("There is no such movement at the bank."),
    "bank_entry_given": _("This money has been given to a customer meanwhile."),
    "whose_is_missing": _("Say whose it is: name bills or a billing account."),
    "unknown_account": _("There is no such billing account."),
    "unknown_bill": _("There is no such bill."),
    "rest_is_whose": _("These bills are of several customers. Say first whose the rest is."),
    "nothing_to_return": _("Less than this is the customer’s."),
    "undone_already": _("This was taken back already."),
    "went_back": _("This money went back to its payer. Take that movement back first."),
    "not_aside": _("This was not set aside."),
    "order_anew": _(
        "A change of a running line is done as it was quoted. Cancel it and order it anew."
    ),
    "holder_day": _("Choose a day from today on, three months ahead at most."),
    "plan_binds_the_end": _(
        "What ending this contract costs depends on its plan. Take its end back first, change the"
        " plan, then end it anew."
    ),
    "number_leaves": _("The number of this line is on its way to another operator."),
    "number_comes_along": _("This number comes along; it is changed with its porting."),
    "advantage_lost": _("Without it the rest would cost more. Cancel all of it, or keep it."),
    "unknown_bundle": _("This part of your order is not there."),
    "too_many_bundles": _("Choose what to cancel, 100 users at most at a time."),
    "no_address": _("We know no such address of this customer. Choose another way."),
    "no_deposit": _("No deposit may be asked of this customer."),
    "nothing_to_pay": _("There is nothing left to pay."),
    "payment_under_way": _("A payment is just under way. Look again in a minute."),
    "paid_otherwise": _("This was paid in another way meanwhile: there is nothing left to take."),
    "unknown_method": _("This card is not there any more."),
    "payment_closed": _("This payment is closed already."),
    "csv_empty": _("There are no lines yet. Paste them, or choose a file."),
    "csv_columns": _("The headings are not those of the template. Download it and fill it in."),
    "fleet_empty": _("There are headings, but no lines below them."),
    "fleet_too_long": _("An order has 10,000 lines at most. Share them out over two orders."),
    "purchase_order_missing": _("Enter your purchase-order number; it goes on the bills."),
    "no_approver": _("Nobody in your firm may approve so much. Ask an administrator."),
    "viewer": _("You may look at orders and bills, but not order."),
    "members_only": _("Only members of a firm order fleets."),
    "own_order": _("Nobody approves an order of their own. A colleague decides on it."),
    "not_an_approver": _("Only an approver decides on orders."),
    "limit_too_low": _("Your own limit is below this order; a colleague with more decides on it."),
    "already_decided": _("This order is decided already."),
    "order_bill_stands": _(
        "The bill of an order can't be drafted anew; issue it and correct it by a credit note."
    ),
    "no_held_bill": _("There is no bill to issue."),
    "run_note_missing": _("Write a note that says why, then decide."),
    "run_not_held": _("This bill run is not held any more."),
    "unknown_bill_run": _("There is no such bill run."),
    "trial_too_far": _("A trial looks five years ahead at most. Choose an earlier day."),
    "trial_under_way": _("That trial is under way; its page says how far it is."),
    "not_parked": _("This account is not held any more."),
    "draft_changed": _("Somebody changed the draft while you looked at it. Look at it again."),
    "draft_is_behind": _("Release %(release)s was made meanwhile. Bring the draft up to date."),
    "draft_closed": _("This draft is closed: it was published or discarded."),
    "part_changed": _("Somebody changed this while you wrote. Look at it again."),
    "part_is_there": _("There is one of that name already."),
    "part_without_name": _("Say how it is called."),
    "bad_part_name": _("A name has 120 characters at most, all on one line."),
    "publication_in_the_past": _("That moment is over. Choose a later one, or none at all."),
    "release_never_sold": _("Nothing was ever sold from this release. Go back to one that was."),
    "release_in_force": _("It is sold already. Go back to an earlier release instead."),
    "release_without_source": _("This release has no readable form to begin a draft from."),
    "preview_not_for_sale": _("This is a preview of a draft; nothing in it can be ordered."),
    "unknown_task": _("There is no such task any more."),
    "illegal_transition": _("Somebody has decided meanwhile. Look at it again."),
    "change_under_way": _(
        "Another change of this line is under way (%(order)s); the next one can follow it."
    ),
    "contract_ended": _("This contract has ended."),
    "already_passed_on": _("Somebody is asked to take this line over already."),
    "already_taken_over": _("The new holder has accepted; only he can cancel that now."),
    "own_line": _("This line is yours already."),
    "other_segment": _("A person's line goes to a person, a firm's to a firm."),
    "bills_overdue": _("There are unpaid bills. Pay them first."),
    "paid_monthly": _(
        "A device of this contract is still being paid for, month by month or in parts."
    ),
    "offer_changed": _("It has changed since you saw it. Look at it again."),
    "customers_only": _("Sign in as a customer to take the line over."),
    "no_withdrawal": _("There is no right to withdraw from this; you can end the contract."),
    "withdrawal_over": _("The days for changing your mind are over; you can end the contract."),
    "withdrawn_already": _("You have withdrawn from this already."),
    "declared": _("Say how the pieces are that come back."),
    "notice": _("That day is too early: a contract ends ten days after you say so, or later."),
    "too_far": _("That day is too far away: choose one within two years."),
    "motive": _("Choose one of the reasons of the list, or none."),
    "promise_day": _("That day is over or too far away: choose one of those that are offered."),
    "not_promised": _("No payment is promised."),
    "interest_waived": _("This interest is waived already."),
    "interest_given_back": _("This interest is given back already."),
    "no_bill_to_come": _("No bill is to come that could give it back."),
    "waiver_reason_missing": _("Say why it is waived."),
    "unknown_interest": _("There is no such interest."),
    "waived_by_agents": _("Interest is waived by an agent."),
    "unknown_deposit": _("There is no such deposit."),
    "unknown_debit": _("There is no such debit."),
    "promised_already": _("There is a promise to pay already."),
    "promised_too_often": _("No further promise is possible: please pay, or call us."),
    "nothing_overdue": _("Nothing is overdue any more."),
    "case_paused": _("The case is paused already."),
    "case_not_paused": _("The case is not paused."),
    "unknown_case": _("This case is closed: everything is paid."),
    "contracts_run": _(
        "Contracts of this account still run: it can be written off when they have ended."
    ),
    "case_reason_missing": _("Say why."),
    "done_for_unpaid": _("We do this because bills are not paid; paying takes it back."),
    "done_as_announced": _(
        "We change the contract as you were told; you may leave it free of charge."
    ),
    "follows_lines": _("The price follows the number of your lines; this can't be cancelled."),
    "line_suspended": _("This line stands still. Let it go on before you change it."),
    "already_there": _("This line has it already."),
    "already_suspended": _("This line stands still already."),
    "not_suspended": _("This line does not stand still for that reason."),
    "nothing_chosen": _("Nothing is chosen yet. Choose something first."),
    "not_removable": _("Only options and services can be taken off a line."),
    "change_not_offered": _("This can't be changed on a running line."),
    "not_sold": _("This is no longer sold here. Please choose another."),
    "reason_missing": _("Say why it is to be replaced."),
    "no_esim_to_install": _("This line has no eSIM that can be installed."),
    "line_without_rio": _("This line has no RIO (any more)."),
    "esim_only": _("Only an eSIM can be installed once more; choose another reason."),
    "early_execution_not_requested": _("It begins at once, so please ask for that."),
    "renewal_not_yet": _("This line can be renewed in the last three months of its commitment."),
    "unknown": _("We had no answer. Nothing is lost: try again in a moment."),
}
"""Placeholders are values of the error's detail."""


def sentence_of(error: Exception) -> str:
    """One sentence that says what happened and what to do, in the active language."""
    if isinstance(error, FaisceauError):
        own = named(getattr(error, "sentences", None) or error.detail.get("sentences"))
        if own:
            return own
        found = SENTENCES.get(error.code)
        if found is not None:
            return str(found) % _Known(error.detail)
    problem = problem_of(error)
    return problem.sentence if problem is not None else str(_("Something went wrong on our side."))


def way_out_of(error: Exception) -> str:
    """What can be done instead, where the catalogue says so."""
    return named(error.detail.get("way_out")) if isinstance(error, FaisceauError) else ""


class _Known(dict[str, Any]):
    """The detail's values; a name that it lacks becomes nothing."""

    def __init__(self, detail: Mapping[str, Any]) -> None:
        super().__init__(detail)

    def __missing__(self, key: str) -> str:
        return ""
