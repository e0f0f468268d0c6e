"""Online procedures for the false-discovery rate, as in their papers: what `promise_streams.py` compares windows with.

Each takes N p-values in the order of the stream and returns N booleans, whether each is rejected.
"""

from collections.abc import Callable

import numpy as np

from sablier.calibration import Calibration, discovery_cut

Rule = Callable[[np.ndarray], np.ndarray]


def windows(calibration: Calibration, fdr: float, size: int) -> Rule:
    """Benjamini and Hochberg (1995) in windows, as `watch --fdr`."""

    def rule(p_values: np.ndarray) -> np.ndarray:
        parts = [p_values[start : start + size] for start in range(0, len(p_values), size)]
        return np.concatenate([part <= discovery_cut(calibration.level_counts(part), fdr) for part in parts])

    return rule


def batch_bh(fdr: float, size: int) -> Rule:
    """BatchBH (Zrnic, Jiang, Ramdas and Jordan 2020), half of the level for each of the first two batches, as its authors do."""

    def rule(p_values: np.ndarray) -> np.ndarray:
        levels, most, found, flags = list[float](), list[int](), list[int](), []
        for start in range(0, len(p_values), size):
            part = p_values[start : start + size]
            given, total = fdr * min(1.0, 0.5 * (len(found) + 1)), sum(found)
            spent = sum(a * r / max(1, r + total - own) for a, r, own in zip(levels, most, found, strict=True))
            level = max(0.0, given - spent) * (len(part) + total) / len(part)
            flagged = rejected(part, level)
            # The most rejections that there would be if one p-value were 0.
            most.append(max(int(rejected(np.r_[np.delete(part, i), 0.0], level).sum()) for i in range(len(part))))
            levels.append(level)
            found.append(int(flagged.sum()))
            flags.append(flagged)
        return np.concatenate(flags)

    return rule


def rejected(p_values: np.ndarray, level: float) -> np.ndarray:
    """Return what the procedure of Benjamini and Hochberg rejects at a level."""
    ordered = np.sort(p_values)
    below = np.flatnonzero(ordered <= level * np.arange(1, len(ordered) + 1) / len(ordered))
    return np.asarray(p_values <= (ordered[below[-1]] if len(below) else -1.0))


def lord_gammas(count: int) -> np.ndarray:
    """Return the weights of LORD (Javanmard and Montanari 2018)."""
    j = np.arange(1, count + 1)
    return np.asarray(0.07720838 * np.log(np.maximum(j, 2)) / (j * np.exp(np.sqrt(np.log(j)))))


def lord(fdr: float) -> Rule:
    """LORD++ (Ramdas, Yang, Wainwright and Jordan 2017), with half of the level as its first wealth."""

    def rule(p_values: np.ndarray) -> np.ndarray:
        gammas, flags = lord_gammas(len(p_values)), np.zeros(len(p_values), bool)
        levels = fdr / 2 * gammas
        for t, p_value in enumerate(p_values):
            if p_value <= levels[t]:
                levels[t + 1 :] += (fdr if flags.any() else fdr / 2) * gammas[: len(levels) - t - 1]
                flags[t] = True
        return flags

    return rule


def decaying_lord(fdr: float, decay: float) -> Rule:
    """LORD with decaying memory (mem-LORD++; Ramdas et al. 2017): it bounds the share among recent rejections only."""

    def rule(p_values: np.ndarray) -> np.ndarray:
        gammas, flags = lord_gammas(len(p_values)), np.zeros(len(p_values), bool)
        levels = fdr / 2 * np.maximum(gammas, 1 - decay)
        faded = fdr * gammas * decay ** np.arange(1, len(gammas) + 1)
        for t, p_value in enumerate(p_values):
            if p_value <= levels[t]:
                levels[t + 1 :] += faded[: len(levels) - t - 1]
                flags[t] = True
        return flags

    return rule


def saffron(fdr: float, candidate: float = 0.5) -> Rule:
    """SAFFRON (Ramdas, Zrnic, Wainwright and Jordan 2018)."""

    def rule(p_values: np.ndarray) -> np.ndarray:
        gammas, flags = 0.4374901658 / np.arange(1, len(p_values) + 2) ** 1.6, np.zeros(len(p_values), bool)
        levels, others = (1 - candidate) * fdr / 2 * gammas, 0  # by the number of images that were no candidates
        for t, p_value in enumerate(p_values):
            others_before, others = others, others + (p_value > candidate)
            if p_value <= min(candidate, levels[others_before]):
                share = 1 if flags.any() else 0.5
                levels[others:] += share * (1 - candidate) * fdr * gammas[: len(levels) - others]
                flags[t] = True
        return flags

    return rule


def e_lond(fdr: float, smallest: float) -> Rule:
    """e-LOND (Xu and Ramdas 2024), valid under any dependence, with the e-value 1 / smallest of the smallest p-value."""

    def rule(p_values: np.ndarray) -> np.ndarray:
        gammas, flags = lord_gammas(len(p_values)), np.zeros(len(p_values), bool)
        e_values = np.where(p_values <= smallest * (1 + 1e-9), 1 / smallest, 0.0)
        for t, e_value in enumerate(e_values):
            flags[t] = e_value * fdr * gammas[t] * (flags[:t].sum() + 1) >= 1
        return flags

    return rule
