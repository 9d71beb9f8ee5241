"""The customer area: logging in, contracts, bills, orders, profile."""

from django.urls import path

from frontend.views import (
    account,
    changes,
    customer,
    cycle_day,
    deposits,
    dunning,
    holder,
    next_offers,
    paid_later,
    payers,
    paying,
    purchases,
    timeline,
)
from subscriptions.invoicing.files import Form

app_name = "account"
urlpatterns = [
    path("account/login/", account.log_in_page, name="login"),
    path("account/logout/", account.log_out_page, name="logout"),
    path("account/register/", account.register, name="register"),
    path("account/password/", account.forgotten, name="password"),
    path("account/password/sent/", account.forgotten_sent, name="password_sent"),
    path("account/password/<str:user>/<str:token>/", account.new_password, name="password_new"),
    path("account/", customer.home, name="home"),
    path("account/lines/<int:subscription_id>/", customer.line, name="line"),
    path("account/lines/<int:subscription_id>/change/<slug:kind>/", changes.change, name="change"),
    path("account/lines/<int:subscription_id>/holder/", holder.pass_line_on, name="holder"),
    path("account/lines/<int:subscription_id>/purchases/", purchases.purchases, name="purchases"),
    path("account/lines/<int:subscription_id>/timeline/", timeline.of_line, name="timeline"),
    path(
        "account/lines/<int:subscription_id>/paid-later/<int:item_id>/",
        paid_later.answer,
        name="answer_paid_later",
    ),
    path("account/purchase/<str:token>/", purchases.asked, name="purchase"),
    path("account/bills/", customer.bills, name="bills"),
    path("account/bill-day/", cycle_day.of_customer, name="bill_day"),
    path("account/payables/", payers.of_customer, name="payables"),
    path("account/bills/<str:number>/", customer.bill, name="bill"),
    path("account/bills/<str:number>/explained/", customer.bill_explained, name="bill_explained"),
    path("account/bills/<str:number>/pay/", paying.pay, name="pay_bill"),
    path("account/deposits/<int:deposit_id>/", deposits.receipt, name="deposit"),
    path("account/bills/<str:number>/pay-off/", paying.pay_off, name="pay_off"),
    path("account/promise/", dunning.promise, name="promise"),
    path("account/methods/", paying.add, name="add_method"),
    path("account/methods/<int:method>/", paying.method, name="method"),
    path("account/bills/<str:number>/pdf/", customer.bill_file, {"form": Form.PDF}, "bill_pdf"),
    path("account/bills/<str:number>/xml/", customer.bill_file, {"form": Form.XML}, "bill_xml"),
    path("account/offers/<int:offer>/accept/", next_offers.accept, name="accept_offer"),
    path("account/offers/<int:offer>/decline/", next_offers.decline, name="decline_offer"),
    path("account/orders/", customer.orders, name="orders"),
    path("account/profile/", customer.profile, name="profile"),
]
