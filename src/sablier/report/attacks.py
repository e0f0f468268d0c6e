"""Images before and after an attack."""

import numpy as np

from sablier.report.figures import Sheet, to_png
from sablier.report.pictures import amplified, as_rgb
from sablier.tasks.classification.attack import AttackResult


def attack_sheet(result: AttackResult, most: int) -> bytes:
    """Return a PNG: image | attacked | what changed, of those that fool the net most surely; of the first, where none does."""
    fooled = np.flatnonzero(result.fooled)
    shown = (
        fooled[np.argsort(-result.sure_after[fooled], kind="stable")][:most] if len(fooled) else np.arange(min(most, len(result)))
    )
    # Slight changes are not seen as they are: the largest of all gets the fullest colour.
    full = max(float(result.largest.max()), 1 / 255)
    groups, captions = [], []
    for row in shown:
        image, attacked = (pixels[row].astype(np.float32) / 255 for pixels in (result.images, result.attacked))
        groups.append((as_rgb(image), as_rgb(attacked), amplified(image, attacked, full)))
        captions.append(
            f"{result.before[row]} {result.sure_before[row]:.0%}, now {result.after[row]} {result.sure_after[row]:.0%}\n"
            f"SSIM {result.similarity[row]:.2f}, by {result.largest[row]:.3f} at most"
        )
    under = f"{result.robust_accuracy:.1%} under attack\nimage, attacked, and what changed, in full colour from {full:.3f} on"
    title = f"{result.attack}, {result.norm} {result.eps:.3g}: {result.accuracy:.1%} right as they are, {under}"
    return to_png(Sheet(groups, captions, columns=4, side=0.9, title=title).figure())
