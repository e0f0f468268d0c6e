"""What a person reads of images that a model knows, and of images that repeat others."""

BY_MISTAKE = 0.02  # share of distinct images that may be taken for repeats


def known_words(trained: int, calibrated: int, count: int, kind: str = "") -> str:
    """Return that a model knows some of `count` images of a kind, and what that means; "" if it knows none.

    >>> known_words(3, 0, 10, "good")[:54]
    'Of these 10 good images 3 trained the model (or nearly'
    """
    parts = [f"{number:,} {what}" for number, what in ((trained, "trained"), (calibrated, "calibrated")) if number]
    if not parts:
        return ""
    what = f"{kind} images" if kind else "images"
    return (
        f"Of these {count:,} {what} {' and '.join(parts)} the model (or nearly copy one that did). Its results on them tell "
        "nothing of fresh images: a model does better on what it knows. Judge it by images that it has not seen."
    )


def repeats_words(repeats: int, count: int, discoveries: bool = False) -> str:
    """Return that images repeat others, and what follows; "" if no more do than are taken for repeats by mistake.

    Args:
        repeats: how many of the `count` images repeat an earlier one.
        count: the number of images.
        discoveries: whether they are flagged at a false-discovery rate.
    """
    if repeats <= BY_MISTAKE * count:
        return ""
    text = f"{repeats:,} of {count:,} images repeat an earlier one (bursts, copies). The drift alarm counts each group once"
    if discoveries:
        text += "; the false-discovery rate is proved for independent images, and not for these"
    return f"{text}."
