"""Images before and after an attack."""

import numpy as np

from sablier.report.figures import Sheet, to_png
from sablier.report.pictures import amplified, as_rgb
from sablier.tasks.classification.attack import AttackResult


def attack_sheet(result: AttackResult, most: int) -> bytes:
    """Return a PNG: image | attacked | change, of those misclassified with the highest probability; else of the first."""
    fooled = np.flatnonzero(result.fooled)
    shown = (
        fooled[np.argsort(-result.sure_after[fooled], kind="stable")][:most] if len(fooled) else np.arange(min(most, len(result)))
    )
    # Slight changes are invisible as they are: the largest of all gets the fullest colour.
    full = max(float(result.largest.max()), 1 / 255)
    groups, captions = [], []
    for row in shown:
        image, attacked = (pixels[row].astype(np.float32) / 255 for pixels in (result.images, result.attacked))
        groups.append((as_rgb(image), as_rgb(attacked), amplified(image, attacked, full)))
        captions.append(
            f"{result.before[row]} {result.sure_before[row]:.0%}, attacked: {result.after[row]} {result.sure_after[row]:.0%}\n"
            f"SSIM {result.similarity[row]:.2f}, largest change {result.largest[row]:.3f}"
        )
    under = f"{result.robust_accuracy:.1%} under attack\nimage, attacked image and change, in full colour from {full:.3f} on"
    title = f"{result.attack}, {result.norm} {result.eps:.3g}: accuracy {result.accuracy:.1%}, {under}"
    return to_png(Sheet(groups, captions, columns=4, side=0.9, title=title).figure())
