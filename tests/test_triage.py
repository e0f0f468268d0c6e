"""Triage: which images are rejected, reviewed or passed, and what is promised of good ones."""

import numpy as np
import pytest

from sablier.calibration import Calibration, checked_reject_alpha, is_flagged, triage_promise, verdicts_at
from sablier.errors import ConfigError


class TestTriage:
    def test_verdicts_are_of_the_smaller_rate_first(self):
        p_values = np.array([0.005, 0.01, 0.0101, 0.05, 0.0501])
        assert verdicts_at(p_values, 0.05, reject=0.01).tolist() == ["reject", "reject", "review", "review", "pass"]
        assert verdicts_at(p_values, 0.05, decided=False, reject=0.01).tolist() == ["undetermined"] * 5
        assert is_flagged(np.array(["anomaly", "normal", "reject", "review", "pass", "undetermined"])).tolist() == [
            True, False, True, True, False, False,
        ]  # fmt: skip

    @pytest.mark.parametrize(("reject", "alpha"), [(0.05, 0.05), (0.1, 0.05), (0.0, 0.05), (0.01, 1.0)])
    def test_rates_are_in_order(self, reject, alpha):
        with pytest.raises(ConfigError, match="expected a false-alarm rate"):
            checked_reject_alpha(reject, alpha)

    def test_good_images_go_where_the_promise_says(self):
        rng = np.random.default_rng(0)
        shares = np.zeros(2)
        for _ in range(400):
            calibration = Calibration((rng.normal(size=199),))
            verdicts = verdicts_at(calibration.p_values(rng.normal(size=(50, 1))), 0.05, reject=0.01)
            shares += [np.mean(verdicts == "reject"), np.mean(verdicts == "review")]
        assert shares / 400 == pytest.approx([0.01, 0.04], abs=0.004)
        assert "about 10 will be rejected and 40 sent to a person; 950 pass" in triage_promise(calibration, 0.01, 0.05)

    def test_too_few_images_reject_nothing_and_say_so(self):
        few = Calibration((np.arange(48.0),))
        assert "reject" not in verdicts_at(few.p_values(np.array([[1e9]])), 0.05, reject=0.01)
        words = triage_promise(few, 0.01, 0.05)
        assert words.startswith(
            "No image is rejected without a person: 48 images calibrate, and a false-alarm rate of 1% takes 99."
        )
        assert "about 50 will be sent to a person; 950 pass" in words
        assert triage_promise(Calibration((np.arange(8.0),)), 0.01, 0.05).startswith("No verdict at a false-alarm rate of 5%")
