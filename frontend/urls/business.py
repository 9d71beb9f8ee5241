"""The business portal."""

from django.urls import path

from frontend.views import (
    business,
    business_lines,
    business_numbers,
    business_purchases,
    business_webhooks,
    cycle_day,
    deposits,
    dunning,
    holder,
    payers,
    paying,
    timeline,
)
from subscriptions.invoicing.files import Form

app_name = "portal"
urlpatterns = [
    path("portal/", business.home, name="home"),
    path("portal/new/", business.new, name="new"),
    path("portal/new/template.csv", business.template, name="template"),
    path("portal/orders/", business.orders, name="orders"),
    path("portal/orders/<slug:number>/", business.order, name="order"),
    path("portal/orders/<slug:number>/lines/", business.order_lines, name="order_lines"),
    path("portal/orders/<slug:number>/decide/", business.decide, name="decide"),
    path("portal/lines/", business_lines.lines, name="lines"),
    path("portal/lines/<int:subscription_id>/timeline/", timeline.for_firm, name="timeline"),
    path("portal/lines/<int:subscription_id>/holder/", holder.pass_firms_line_on, name="holder"),
    path("portal/numbers/", business_numbers.numbers, name="numbers"),
    path("portal/numbers/new/<slug:offering>/", business_numbers.choose, name="number"),
    path("portal/numbers/cart/<str:code>/", business_numbers.order_number, name="number_order"),
    path("portal/approvals/", business.approvals, name="approvals"),
    path("portal/bills/", business.bills, name="bills"),
    path("portal/bill-day/", cycle_day.of_firm, name="bill_day"),
    path("portal/payables/", payers.of_firm, name="payables"),
    path("portal/bills/<str:number>/", business.bill, name="bill"),
    path("portal/bills/<str:number>/pay-off/", paying.pay_off_for_firm, name="pay_off"),
    path("portal/bills/<str:number>/explained/", business.bill_explained, name="bill_explained"),
    path("portal/bills/<str:number>/pdf/", business.bill_file, {"form": Form.PDF}, "bill_pdf"),
    path("portal/bills/<str:number>/xml/", business.bill_file, {"form": Form.XML}, "bill_xml"),
    path("portal/purchases/", business_purchases.purchases, name="purchases"),
    path("portal/deposits/<int:deposit_id>/", deposits.receipt_of_firm, name="deposit"),
    path("portal/promise/", dunning.promise_of_firm, name="promise"),
    path("portal/methods/", paying.add_for_firm, name="add_method"),
    path("portal/methods/<int:method>/", paying.method_of_firm, name="method"),
    path("portal/people/", business.people, name="people"),
    path("portal/webhooks/", business_webhooks.webhooks, name="webhooks"),
    path("portal/webhooks/<uuid:endpoint>/", business_webhooks.webhook, name="webhook"),
    path("portal/webhooks/<uuid:endpoint>/log/", business_webhooks.log, name="webhook_log"),
]
