"""From a choice to an order: the guided journey, the cart, the summary, payment, tracking."""

from django.urls import path

from frontend.views import journey

app_name = "checkout"
urlpatterns = [
    path("build/start/", journey.start, name="start"),
    path("cart/add/", journey.add, name="add"),
]
