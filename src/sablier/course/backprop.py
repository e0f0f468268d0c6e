"""The lesson's small network, calculated by hand: the forward pass, the backward pass, and one step of gradient descent.

Two inputs, two hidden neurons and one output neuron, each with a sigmoid:

    p1 = w1 x1 + w2 x2     p2 = w3 x1 + w4 x2     p3 = w5 o1 + w6 o2     o = sigmoid(p)     L = (o3 - y)^2 / 2

`backward` computes each derivative from those to its right, by the chain rule and without any library for gradients; a test
compares them with those of torch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

INPUTS = {"x1": 0.8, "x2": -0.5}
TARGET = 1.0
WEIGHTS = {"w1": 0.6, "w2": -0.4, "w3": -0.3, "w4": 0.9, "w5": 0.7, "w6": -0.8}
# Neuron -> its inputs and the weights of them.
LAYOUT = {
    "1": (("x1", "w1"), ("x2", "w2")),
    "2": (("x1", "w3"), ("x2", "w4")),
    "3": (("o1", "w5"), ("o2", "w6")),
}
RULES = {  # how each derivative follows from those to its right
    "o3": "o3 - y",
    "p3": "dL/do3 * o3 (1 - o3)",
    "w5": "dL/dp3 * o1",
    "w6": "dL/dp3 * o2",
    "o1": "dL/dp3 * w5",
    "o2": "dL/dp3 * w6",
    "p1": "dL/do1 * o1 (1 - o1)",
    "p2": "dL/do2 * o2 (1 - o2)",
    "w1": "dL/dp1 * x1",
    "w2": "dL/dp1 * x2",
    "w3": "dL/dp2 * x1",
    "w4": "dL/dp2 * x2",
}


@dataclass(frozen=True)
class Passes:
    """Both passes and one step.

    Args:
        values: of inputs, weights, p, o and the loss L, from left to right.
        gradients: derivatives of L with respect to o, p and the weights, from right to left.
        rate: the learning rate of the step.
        stepped: the weights after it.
        loss_after: with these weights.
    """

    values: dict[str, float]
    gradients: dict[str, float]
    rate: float
    stepped: dict[str, float]
    loss_after: float


def both_passes(rate: float = 0.5) -> Passes:
    """Return both passes of the network and a step of gradient descent.

    >>> passes = both_passes()
    >>> round(passes.values["L"], 4), round(passes.gradients["w5"], 4), passes.loss_after < passes.values["L"]
    (0.1016, -0.0741, True)
    """
    values = forward(WEIGHTS)
    gradients = backward(values)
    stepped = {name: weight - rate * gradients[name] for name, weight in WEIGHTS.items()}
    return Passes(values, gradients, rate, stepped, forward(stepped)["L"])


def forward(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the value of each quantity, from left to right."""
    values = {**INPUTS, **weights}
    for neuron, inputs in LAYOUT.items():
        values[f"p{neuron}"] = sum(values[weight] * values[source] for source, weight in inputs)
        values[f"o{neuron}"] = 1 / (1 + math.exp(-values[f"p{neuron}"]))
    values["L"] = (values["o3"] - TARGET) ** 2 / 2
    return values


def backward(values: Mapping[str, float]) -> dict[str, float]:
    """Return the derivative of L with respect to each quantity but the inputs, from right to left."""
    gradients = {"o3": values["o3"] - TARGET}
    for neuron in reversed(LAYOUT):
        out = values[f"o{neuron}"]
        slope = gradients[f"p{neuron}"] = gradients[f"o{neuron}"] * out * (1 - out)
        for source, weight in LAYOUT[neuron]:
            gradients[weight] = slope * values[source]
            if source not in INPUTS:  # one connection leaves each hidden neuron; of several the terms would be added
                gradients[source] = slope * values[weight]
    return gradients
