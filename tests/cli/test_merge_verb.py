"""detect --shard and merge: from what one types to what is printed."""

import pytest


@pytest.fixture
def shards(sablier, small_detector, digit_folder):
    """Two shards of 40 digits."""
    printed = [sablier("detect", small_detector, digit_folder, "-o", f"out-{k}", "--shard", f"{k}/2") for k in (1, 2)]
    assert [(done.code, done.err) for done in printed] == [(0, "")] * 2
    return printed


def test_shards_are_scored_and_merged(sablier, shards, small_detector, digit_folder):
    assert "Shard 2/2 is scored: 40 of the 40 images in the source. See out-2/scores.csv. When all 2 shards" in shards[1].out
    assert "Shard 1/2 is scored: 0 of the 40 images in the source." in shards[0].out
    assert "The source has 1 chunk(s) of up to 2,048 images" in shards[0].out
    done = sablier("merge", "out-1", "out-2", "-o", "all", "--alpha", "0.1")
    whole = sablier("detect", small_detector, digit_folder, "-o", "whole", "--alpha", "0.1")
    assert (done.code, done.err) == (0, "")
    assert "of 40 images are flagged." in done.out
    assert done.out.split("No bound")[0] == whole.out.split("Of these")[0]
    assert "No bound on the good images among the flagged ones: none is stated for shards" in done.out


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--alpha", "0.1"), "expected no --alpha beside it: give it to `sablier merge`"),
        (("--fdr", "0.1"), "expected no --fdr beside it"),
        (("--no-report",), "expected no --no-report beside it"),
        (("--lot", "folder"), "expected no --lot beside it: it needs the whole source in one run"),
        (("--groups", "folder"), "expected no --groups beside it"),
    ],
)
def test_options_of_all_shards_are_not_those_of_one(sablier, small_detector, option, words):
    done = sablier("detect", small_detector, "digits", "-o", "out", "--shard", "1/2", *option)
    assert done.code == 2
    assert words in done.err


@pytest.mark.parametrize("text", ["3", "0/4", "5/4", "a/b", "1/0"])
def test_a_shard_is_written_as_a_fraction(sablier, small_detector, text):
    done = sablier("detect", small_detector, "digits", "-o", "out", "--shard", text)
    assert done.code == 2
    assert "expected a shard of how many" in done.err


@pytest.mark.usefixtures("shards")
def test_a_missing_shard_is_named(sablier):
    done = sablier("merge", "out-1", "-o", "all")
    assert done.code == 2
    assert done.err == "error: expected all 2 shards, got 1: shard 2 of 2 is missing. Score what is missing."
