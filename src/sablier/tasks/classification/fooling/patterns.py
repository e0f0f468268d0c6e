"""The indirect encoding: networks from coordinates to brightness (compositional pattern-producing networks, Stanley 2007)."""

from collections.abc import Callable

import torch
from torch import Tensor

from sablier.tasks.classification.fooling.evolution import Encoding, Genes

HIDDEN = 12  # nodes, at most: one without inputs or without outputs is as good as absent
INPUTS = 4  # horizontal, vertical, distance from the middle, and 1
REACH = 2.0  # coordinates run from -2 to 2 on the longer side
FIRST_CONNECTIONS = 0.25  # share of the possible connections in a first network
CHANGED, CHANGE = 0.15, 0.5  # share of a child's connections whose weight changes, and by how much
TOGGLED = 0.02  # share of the possible connections that are added or removed
OTHER_FUNCTION = 0.03  # share of the nodes that get another function

# As in Nguyen, Yosinski and Clune (2015).
FUNCTIONS: tuple[Callable[[Tensor], Tensor], ...] = (
    torch.sin,
    torch.tanh,
    lambda x: 2 * torch.exp(-x.square()) - 1,
    lambda x: x,
)


class Patterns(Encoding):
    """Networks from coordinates to brightness, each with its own connections, weights and functions.

    The genes are weights N,nodes,inputs + nodes, 0 without a connection, and the number of each node's function, N,nodes.
    Inputs and earlier hidden nodes lead to a node. The last nodes, one per channel, are the output: black at -1, white at 1.
    A whole population is computed at once, node by node.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__(shape)
        channels, height, width = shape
        self.nodes = HIDDEN + channels
        longer = max(height, width)
        down, across = (torch.linspace(-1, 1, side) * REACH * side / longer for side in (height, width))
        down, across = torch.meshgrid(down, across, indexing="ij")
        self.coordinates = torch.stack([across, down, (across**2 + down**2).sqrt(), torch.ones_like(down)]).flatten(1)
        before = torch.arange(INPUTS + self.nodes) - INPUTS  # the number of the node that each weight comes from
        own = torch.arange(self.nodes).clamp(max=HIDDEN)  # output nodes are not connected to each other
        self.possible = before < own[:, None]

    def fresh(self, count: int, random: torch.Generator) -> Genes:
        weights = torch.randn(count, *self.possible.shape, generator=random)
        present = torch.rand(weights.shape, generator=random) < FIRST_CONNECTIONS
        functions = torch.randint(len(FUNCTIONS), (count, self.nodes), generator=random)
        return weights * (present & self.possible), functions

    def draw(self, genes: Genes) -> Tensor:
        weights, functions = genes
        values = torch.zeros(len(weights), INPUTS + self.nodes, self.coordinates.shape[1])
        values[:, :INPUTS] = self.coordinates
        for node in range(self.nodes):
            before = INPUTS + min(node, HIDDEN)
            total = torch.bmm(weights[:, node, None, :before], values[:, :before])[:, 0]
            for number, function in enumerate(FUNCTIONS):
                those = functions[:, node] == number
                values[those, INPUTS + node] = function(total[those])
        drawn = values[:, INPUTS + HIDDEN :].view(len(weights), *self.shape)
        return ((drawn + 1) / 2).clamp(0, 1)

    def children(self, elites: Genes, niches: Tensor, random: torch.Generator) -> Genes:
        """Return mutated copies of one of the elites each."""
        parents = torch.randint(elites[0].shape[1], niches.shape, generator=random)
        weights, functions = (gene[niches, parents] for gene in elites)
        changed = (torch.rand(weights.shape, generator=random) < CHANGED) & (weights != 0)
        weights = weights + CHANGE * torch.randn(weights.shape, generator=random) * changed
        toggled = (torch.rand(weights.shape, generator=random) < TOGGLED) & self.possible
        new = torch.randn(weights.shape, generator=random) * (weights == 0)
        other = torch.rand(functions.shape, generator=random) < OTHER_FUNCTION
        drawn = torch.randint(len(FUNCTIONS), functions.shape, generator=random)
        return torch.where(toggled, new, weights), torch.where(other, drawn, functions)
