"""The numbers in the tables of concept pages are those that the nets, the recipes and torch give."""

import re
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from sablier.models import create_model
from sablier.models.base import count_parameters, layer_table
from sablier.recipes.make import make_recipe
from sablier.training.optimizers import OPTIMIZERS

CONCEPTS = Path(__file__).parents[2] / "docs" / "concepts"


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table whose heading row begins with a word."""
    text = (CONCEPTS / f"{page}.md").read_text(encoding="utf-8")
    table = next(part for part in text.split("\n\n") if part.startswith(f"| {heading} |"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def passes() -> tuple[torch.Tensor, ...]:
    """Return p and o of the three neurons of the page, the loss, and its slopes at each p and each weight."""
    x = torch.tensor([1.0, 0.5], dtype=torch.float64)
    hidden = torch.tensor([[0.5, -0.25], [0.75, 0.5]], dtype=torch.float64, requires_grad=True)
    last = torch.tensor([1.0, 0.5], dtype=torch.float64, requires_grad=True)
    before = hidden @ x
    end = last @ torch.tanh(before)
    loss = (torch.tanh(end) - 1) ** 2 / 2
    slopes = torch.autograd.grad(loss, [before, end, hidden, last])
    p = torch.cat([before, end[None]]).detach()
    return p, loss.detach(), torch.cat([slopes[0], slopes[1][None]]), torch.cat([slopes[2], slopes[3][None]])


def test_the_passes_through_the_small_net() -> None:
    p, loss, to_p, to_weights = passes()
    for neuron, before, after in rows("back-propagation", "neuron"):
        assert number(before) == pytest.approx(p[int(neuron) - 1].item(), abs=5e-5)
        assert number(after) == pytest.approx(p[int(neuron) - 1].tanh().item(), abs=5e-5)
    text = (CONCEPTS / "back-propagation.md").read_text(encoding="utf-8")
    assert f"the loss is {loss.item():.4f}" in text
    backwards = text.partition("## Backwards")[2]
    found = re.findall(r"^\| (\d) \| (\S+) \| (w.), (w.) \| (\S+) \| (\S+) \|$", backwards, re.MULTILINE)
    assert [row[0] for row in found] == ["3", "1", "2"]
    for neuron, slope, _, _, *weights in found:
        assert number(slope) == pytest.approx(to_p[int(neuron) - 1].item(), abs=5e-5)
        assert [number(weight) for weight in weights] == pytest.approx(to_weights[int(neuron) - 1].tolist(), abs=5e-5)


def test_the_slopes_of_both_losses() -> None:
    for p, *printed in rows("softmax-and-cross-entropy", "p of the true class"):
        z = torch.tensor([number(p), (1 - number(p))], dtype=torch.float64).log().requires_grad_()
        for loss, slope in zip((-F.log_softmax(z, dim=0)[0], -F.softmax(z, dim=0)[0]), printed, strict=True):
            assert number(slope) == pytest.approx(torch.autograd.grad(loss, z)[0][0].item(), abs=5e-5)


def test_the_layers_of_the_course_net() -> None:
    net: Any = create_model("course_cnn", (28, 28, 1))
    printed = {row[0].split("`")[1]: row[1:] for row in rows("convolution", "layer") if "`" in row[0]}
    assert {name: [output.replace("x", "×"), f"{count:,}"] for name, _, output, count in layer_table(net)} == printed
    text = (CONCEPTS / "convolution.md").read_text(encoding="utf-8")
    assert f"{count_parameters(net):,} parameters" in text
    pooled = next(row for row in rows("convolution", "layer") if "pooling" in row[0])
    assert prod(map(int, pooled[1].split(" × "))) == net.hidden_layer.in_features


def test_the_learning_rates_of_the_course_recipes() -> None:
    table = rows("optimizers", "`optimizer` | `course-softmax`")
    for cell, *printed in table:
        for recipe, rate in zip(("course-softmax", "course-cnn"), printed, strict=True):
            fit = make_recipe(recipe, settings=[f"optimizer={cell.strip('`')}"]).fit
            assert fit.learning_rate == number(rate), (recipe, cell)
    assert sorted(cell.strip("`") for cell, *_ in table) == sorted(OPTIMIZERS)


def test_every_optimizer_and_its_usual_rate_are_on_the_page() -> None:
    assert sorted(
        row[0].strip("`") for row in rows("optimizers", "`optimizer` | what it does with the gradient g | what it keeps")
    ) == sorted(OPTIMIZERS)
    text = " ".join((CONCEPTS / "optimizers.md").read_text(encoding="utf-8").split())
    usual = re.search(r"they take its usual one, (.*?): a place to start", text)
    printed = re.findall(r"([\d.]+) for ((?:`\w+`(?:, | and )?)+)", usual[1] if usual else "")
    assert {name: float(rate) for rate, names in printed for name in re.findall(r"`(\w+)`", names)} == {
        name: optimizer.learning_rate for name, optimizer in OPTIMIZERS.items()
    }
    tutorial = (CONCEPTS.parent / "tutorial.md").read_text(encoding="utf-8")
    listed = re.search(r"optimizers are (.*?) \|", tutorial)
    assert sorted(re.findall(r"`(\w+)`", listed[1] if listed else "")) == sorted(OPTIMIZERS)
