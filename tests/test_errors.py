"""The exception tree: what a user catches, and what a message says."""

import inspect

import pytest

from sablier import errors
from sablier.errors import ImagesError, ImagesWarning, OutputError, SablierError, TooFewImages, UnknownName, nearest

RAISED = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, Exception) and not issubclass(member, Warning)
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: error.__name__)
def test_catching_sablier_error_catches_it_all(error):
    assert issubclass(error, SablierError)


@pytest.mark.parametrize("error", [*RAISED, ImagesWarning], ids=lambda error: error.__name__)
def test_the_tree_in_the_docstring_names_it(error):
    assert error.__name__ in (errors.__doc__ or "")
    assert error.__name__ in errors.__all__


def test_errors_are_also_what_python_would_raise():
    assert issubclass(ImagesError, ValueError)
    assert issubclass(TooFewImages, ImagesError)
    assert issubclass(OutputError, OSError)
    assert issubclass(ImagesWarning, UserWarning)


def test_an_unknown_name_offers_the_nearest_and_lists_the_known():
    message = str(UnknownName("tier", "smal", ["tiny", "small", "base"]))
    assert message == "unknown tier 'smal'. Did you mean 'small'? Known: base, small, tiny."


def test_of_many_names_the_five_nearest_are_listed():
    message = str(UnknownName("setting", "epoch", ["epochs", *(f"name{number}" for number in range(100)), "each"]))
    assert message.startswith("unknown setting 'epoch'. Did you mean 'epochs' or 'each'? Nearest of 102: each, epochs, ")
    assert message.count(",") == 4


def test_a_name_far_from_all_offers_none():
    assert nearest("zzz", ["tiny", "small"]) == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("it cannot be read: it is cut off..", "it cannot be read: it is cut off."),
        ("the header (3 bytes).. Copy it again.", "the header (3 bytes). Copy it again."),
        ("expected a folder apart from a/.., got ../b and more ...", "expected a folder apart from a/.., got ../b and more ..."),
    ],
)
def test_no_message_ends_in_two_full_stops(given, said):
    assert str(ImagesError(given)) == said
    assert str(OutputError(given)) == said
