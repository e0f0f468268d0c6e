"""The tokens of a vision transformer, on the grid of their patches."""

from torch import Tensor

# Tokens before those of patches: a class token, and registers (Darcet et al. 2023, arXiv 2309.16588) or a distillation
# token.
MOST_BEFORE = 9


def as_grid(tokens: Tensor, height: int, width: int) -> Tensor:
    """Return N,D,h,w of N,T,D tokens of images of this size.

    The rule: patches are squares whose side divides height and width. They come row by row, after up to nine other tokens,
    which are dropped. Exactly one side must fit.

    Raises:
        ValueError: if no side of a patch fits, or several do; says why.

    >>> import torch
    >>> as_grid(torch.zeros(2, 1 + 4 + 14 * 16, 384), 196, 224).shape
    torch.Size([2, 384, 14, 16])
    """
    count = tokens.shape[1]
    sides = [side for side in range(1, min(height, width) + 1) if height % side == width % side == 0]
    fitting = [side for side in sides if 0 <= count - (height // side) * (width // side) <= MOST_BEFORE]
    if len(fitting) != 1:
        what = f"fit patches of {' or '.join(map(str, fitting))} pixels" if fitting else "are no grid of square patches"
        raise ValueError(f"{count} tokens {what} in images of {height} x {width}, with at most {MOST_BEFORE} others before them")
    down, across = height // fitting[0], width // fitting[0]
    return tokens[:, count - down * across :].transpose(1, 2).reshape(tokens.shape[0], -1, down, across)
