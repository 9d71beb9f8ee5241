"""Where the provider calls."""

from django.urls import path

from commerce.payments.views import stripe_webhook

urlpatterns = [path("webhooks/stripe", stripe_webhook, name="stripe-webhook")]
