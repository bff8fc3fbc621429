"""The addresses that pages link to, and what counts as gone; nobody is asked here."""

import urllib.error
from email.message import Message

from tools import links

import pytest


def test_the_addresses_of_all_pages_are_found():
    found = links.linked_addresses()
    assert len(found) > 30
    assert {"README.md", "docs/paper.md"} <= set(found["https://arxiv.org/abs/1606.07792"])
    assert [address for address in found if address[-1] in ".,)*"] == []


@pytest.mark.parametrize(
    "answers, tries, says",
    [
        ([None], 1, ""),
        ([OSError("reset"), None], 2, ""),
        ([404, 404, 404], 3, "404 gone"),
        ([403], 1, ""),
        ([OSError("no route")] * 3, 3, "OSError: no route"),
    ],
)
def test_an_address_is_gone_if_it_is_not_there_three_times(answers, tries, says):
    left = list(answers)

    def ask(request, timeout):
        answer = left.pop(0)
        if isinstance(answer, int):
            raise urllib.error.HTTPError(request.full_url, answer, "gone", Message(), None)
        if answer:
            raise answer

    assert links.find_fault("https://example.org", ask) == says
    assert len(answers) - len(left) == tries
