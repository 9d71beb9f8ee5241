"""The web process."""

import os

from django.core.wsgi import get_wsgi_application

from commerce.garbage import settle
from commerce.settings.environment import in_sentences

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commerce.settings.development")

with in_sentences():
    application = get_wsgi_application()

settle()
