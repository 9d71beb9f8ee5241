"""The token's address and one business view; only tests mount them together."""

from commerce.urls import urlpatterns as real
from tests.api.edge_urls import urlpatterns as edge

urlpatterns = [*edge, *real]
