"""`PixelRule`: the computing of a `Preprocess`, from its values alone."""

import pickle

import numpy as np
import pytest

from sablier.images import Preprocess
from sablier.images.packed_mask import packed
from sablier.images.pixel_rule import PixelRule

IGNORED = np.zeros((12, 16), bool)
IGNORED[:4, :5] = True


@pytest.mark.parametrize(("dtype", "black", "white"), [("uint8", 0.0, 255.0), ("uint16", 0.0, 4095.0), ("float32", -1.5, 3.0)])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_computes_what_a_preprocess_of_its_values_does(dtype, black, white, channels):
    rule = Preprocess(
        height=12, width=16, channels=channels, resize="fit", dtype=dtype, black=black, white=white, ignored=packed(IGNORED)
    )
    plain = PixelRule(**rule.model_dump())
    random = np.random.default_rng(0)
    for came in ("uint8", "uint16", "float32"):
        image = (random.random((30, 50, 3)) * {"uint8": 255, "uint16": 4000, "float32": 1}[came]).astype(came)
        made = rule.apply(image)
        assert made.shape == (12, 16, channels)
        assert made.dtype == dtype
        np.testing.assert_array_equal(plain.apply(image), made)
        np.testing.assert_array_equal(plain.to_unit(made), rule.to_unit(made))
        np.testing.assert_array_equal(plain.scaled(made), rule.scaled(made))
    np.testing.assert_array_equal(plain.kept, ~IGNORED)
    assert plain.describe() == rule.describe()


def test_a_preprocess_is_a_rule_and_still_a_model():
    rule, same = (Preprocess(height=8, width=8, channels=1) for _ in range(2))
    assert isinstance(rule, PixelRule)
    assert rule == same
    assert hash(rule) == hash(same)
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert rule != PixelRule(height=8, width=8, channels=1)
    assert Preprocess.model_validate_json(rule.model_dump_json()) == rule
    with pytest.raises(ValueError, match="Instance is frozen"):
        rule.height = 9  # type: ignore[misc]
