"""What is wrong, on the command line: English, or the language that was asked."""

from argparse import ArgumentParser
from collections.abc import Iterable

from django.utils.translation import gettext, override

from catalogue.importer.sources import Problem
from commerce.kernel.sentences import in_words

LANGUAGES = ("en", "fr")


def add_language(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--language", choices=LANGUAGES, default="en", help="in which to say what is wrong"
    )


def lines_of(problems: Iterable[Problem], *, language: str) -> str:
    """Each on its line, as editors read it."""
    with override(language):
        return "\n".join(problem.told(gettext) for problem in problems)


def told(message: str, *, language: str) -> str:
    with override(language):
        return str(in_words(message, gettext))
