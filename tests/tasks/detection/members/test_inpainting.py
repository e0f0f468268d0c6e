"""The member that fills in: high where an image is not what was expected, measured against the rest of the same image."""

import pytest
import torch

from sablier.images.imageset import ImageSet
from sablier.images.preprocess import Preprocess
from sablier.models.base import Model
from sablier.tasks.detection.members import Fitting
from sablier.tasks.detection.members.inpainting import Inpaintings
from sablier.training.objectives import Inpainting
from sablier.transforms.batches import Batches


class Expecting(Model):
    """A network that expects one image, whatever it is shown."""

    def __init__(self, expected: torch.Tensor) -> None:
        super().__init__((64, 64, 1))
        self.expected = expected

    def inpaint(self, x: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.expected.expand_as(x), torch.full_like(hidden, -4.0)


@pytest.fixture
def surface() -> torch.Tensor:
    return torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.4


@pytest.fixture
def member(surface: torch.Tensor) -> Inpaintings:
    noisy = surface + 0.05 * torch.randn(20, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    rule = Preprocess(height=64, width=64, channels=1, dtype="float32", white=1.0)
    good = ImageSet(noisy.permute(0, 2, 3, 1).numpy().copy())
    return Inpaintings.fit(Fitting((good,), rule, Batches(good, rule), network=Expecting(surface), objective=Inpainting(4, 16)))


def noisy(surface: torch.Tensor, spread: float) -> torch.Tensor:
    return surface + spread * torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(2))


def test_a_spot_is_the_highest_place_and_raises_the_statistic(member, surface):
    good = noisy(surface, 0.05)
    spot = good.clone()
    spot[:, :, 20:24, 40:44] += 0.4
    found = member.score(torch.cat([good, spot]))
    row, column = divmod(int(found.anomaly_map[1].argmax()), 64)
    assert 20 <= row < 24
    assert 40 <= column < 44
    assert found.statistics[1, 0] > found.statistics[0, 0] + 0.5


def test_a_surface_that_is_rough_all_over_is_not_strange_for_that(member, surface):
    smooth, rough = (float(member.score(noisy(surface, spread)).statistics[0, 0]) for spread in (0.02, 0.1))
    assert rough == pytest.approx(smooth, abs=0.05)


def test_a_place_that_is_too_smooth_is_hot_and_raises_the_statistic_of_grain(member, surface):
    good = noisy(surface, 0.05)
    smooth = good.clone()
    smooth[:, :, 10:34, 30:54] = surface[:, :, 10:34, 30:54]
    found = member.score(torch.cat([good, smooth]))
    inside, outside = found.anomaly_map[1, 16:28, 36:48].mean(), found.anomaly_map[1, :, :24].mean()
    assert inside > 2 * outside
    assert found.statistics[1, 1] > found.statistics[0, 1] + 0.5


def test_a_faint_wide_shadow_raises_the_statistic_of_shadows(member, surface):
    good = noisy(surface, 0.05)
    shadow = good.clone()
    shadow[:, :, 8:40, 8:40] -= 0.03
    spots, _, shadows = member.score(torch.cat([good, shadow])).statistics.T
    assert shadows[1] - shadows[0] > 2 * abs(spots[1] - spots[0])


def test_without_fine_squares_it_looks_for_shadows_alone(surface):
    rule = Preprocess(height=64, width=64, channels=1, dtype="float32", white=1.0)
    good = ImageSet(noisy(surface, 0.05)[:, 0, :, :, None].numpy())
    fitting = Fitting((good,), rule, Batches(good, rule), network=Expecting(surface), objective=Inpainting(2, 4))
    found = Inpaintings.fit(fitting).score(noisy(surface, 0.1))
    assert found.statistics.shape == (1, 1)
    assert torch.isfinite(found.anomaly_map).all()


def test_it_draws_what_was_expected(member, surface):
    assert member.score(noisy(surface, 0.05)).reconstructions.numpy() == pytest.approx(
        surface.permute(0, 2, 3, 1).numpy(), abs=1e-6
    )
