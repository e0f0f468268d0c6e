"""How much there is to draw is measured by edges."""

import numpy as np
import pytest
import torch

from sablier.tasks.detection.members.covariates import covariates_of


def test_more_edges_are_more_to_draw():
    flat, stripes = torch.full((1, 1, 8, 8), 0.7), torch.zeros(1, 1, 8, 8)
    stripes[..., ::2] = 1
    assert covariates_of(flat).item() == pytest.approx(np.log(0.01))
    assert covariates_of(stripes).item() > covariates_of(stripes / 2).item() > covariates_of(flat).item()
