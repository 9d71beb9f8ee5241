"""The page of transfers breaks off at a book or a kind that has no name."""

from frontend.views.ledger import BOOKS, KINDS
from subscriptions.domain.ledger import Book, TransferKind


def test_each_book_and_each_kind_of_transfer_has_a_name() -> None:
    assert set(BOOKS) == set(Book)
    assert set(KINDS) == set(TransferKind)
