"""What the law wants to be found: ending, withdrawing, notices."""

from django.urls import path

from frontend.views import confirming, legal

app_name = "legal"
urlpatterns = [
    path("end-contract/", legal.end_contract, name="end_contract"),
    path("withdraw/", legal.withdraw, name="withdraw"),
    path("request-received/", legal.received, name="received"),
    path("confirm-request/<str:token>/", confirming.page, name="confirm"),
    path("legal/", legal.notice, name="notice"),
    path("terms/", legal.terms, name="terms"),
    path("privacy/", legal.privacy, name="privacy"),
    path("accessibility/", legal.accessibility, name="accessibility"),
]
