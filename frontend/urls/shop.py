"""The shop: what is sold, before a cart."""

from django.urls import path

from frontend.views import business, cart, compare, shop

app_name = "shop"
urlpatterns = [
    path("", shop.home, name="home"),
    path("phones/", shop.phones, name="phones"),
    path("phones/<slug:family>/", shop.phone, name="phone"),
    path("plans/", shop.plans, name="plans"),
    path("plans/<slug:code>/", shop.plan, name="plan"),
    path("accessories/", shop.accessories, name="accessories"),
    path("accessories/<slug:code>/", shop.extra, name="accessory"),
    path("content/", shop.content, name="content"),
    path("content/<slug:code>/", shop.extra, name="service"),
    path("cart/", cart.current, name="cart"),
    path("search/", shop.search, name="search"),
    path("search/suggestions/", shop.suggestions, name="suggestions"),
    path("compare/", compare.compare_page, name="compare"),
    path("business/", business.landing, name="business"),
]
