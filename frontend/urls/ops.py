"""The operators' pages."""

from django.urls import path

from frontend.views import (
    bank,
    dunning,
    einvoicing,
    ledger,
    merchants,
    operators,
    ops,
    porting,
    settlements,
)

app_name = "ops"
urlpatterns = [
    path("ops/", ops.home, name="home"),
    path("ops/orders/", ops.orders, name="orders"),
    path("ops/orders/<slug:number>/", ops.order, name="order"),
    path("ops/orders/<slug:number>/plans/", ops.order_plans, name="order_plans"),
    path("ops/tasks/<int:task_id>/", ops.decide, name="decide"),
    path("ops/fallout/", ops.fallout_page, name="fallout"),
    path("ops/fallout/decide/", ops.decide_all, name="decide_all"),
    path("ops/jeopardy/", operators.jeopardy, name="jeopardy"),
    path("ops/manual/", operators.manual, name="manual"),
    path("ops/manual/<int:task_id>/", operators.by_hand, name="by_hand"),
    path("ops/tasks/<int:task_id>/correct/", operators.correct, name="correct"),
    path("ops/providers/", ops.providers, name="providers"),
    path("ops/billing/", ops.billing_page, name="billing"),
    path("ops/einvoicing/", einvoicing.board, name="einvoicing"),
    path("ops/einvoicing/<int:einvoice_id>/", einvoicing.decide, name="decide_einvoice"),
    path("ops/billing/<int:account_id>/", ops.release, name="release"),
    path("ops/payments/", ops.payments, name="payments"),
    path("ops/payments/<int:effect_id>/", ops.decide_payment, name="decide_payment"),
    path("ops/bank/", bank.overview, name="bank"),
    path("ops/bank/<int:entry_id>/", bank.movement, name="bank_movement"),
    path("ops/bank/shares/<int:share_id>/", bank.undo, name="bank_undo"),
    path("ops/ledger/", ledger.ledger, name="ledger"),
    path("ops/portings/", porting.portings, name="portings"),
    path("ops/portings/<int:porting_id>/", porting.porting, name="porting"),
    path("ops/portings/<int:porting_id>/settle/", porting.settle_owed, name="porting_settle"),
    path("ops/settlements/", settlements.settlements, name="settlements"),
    path(
        "ops/settlements/differences/<int:difference_id>/",
        settlements.decide_difference,
        name="decide_difference",
    ),
    path("ops/settlements/<slug:month>/", settlements.look_again, name="settle_again"),
    path("ops/dunning/", dunning.board, name="dunning"),
    path("ops/dunning/<int:case_id>/", dunning.case, name="case"),
    path("ops/dunning/<int:case_id>/decide/", dunning.decide_case, name="decide_case"),
    path("ops/merchants/", merchants.merchants, name="merchants"),
    path("ops/merchants/<slug:month>.csv", merchants.merchants_file, name="merchants_file"),
    path("ops/work/", ops.work, name="work"),
    path("ops/work/<slug:kind>/<int:row_id>/", ops.retry_work, name="retry_work"),
]
