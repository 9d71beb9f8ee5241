"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

from commerce.settings.environment import in_sentences

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commerce.settings.development")
    with in_sentences():
        execute_from_command_line(sys.argv)
