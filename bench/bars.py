"""What each bench claims, and the bar it must meet; bench/page.py prints both beside the figure."""

from typing import Any

# Result file -> (key of the result, a/b for b within a; the claim; the bar as text; whether a value meets it, or None).
BARS: dict[str, list[tuple[str, str, str, Any]]] = {
    "course-mnist": [
        ("lesson1_val_mse", "lesson 1, same net and budget: validation MSE", "<= 0.0080", lambda v: v <= 0.0080),
        ("lesson1_auroc", "the same: AUROC of 5 against the other digits", ">= 0.972", lambda v: v >= 0.972),
    ],
    "train_speed-course_dense": [("speedup", "training, against the lesson's own loop", ">= 5 x", lambda v: v >= 5)],
    "train_speed-course_conv": [
        ("speedup_to_quality", "lesson 2: times less wall clock than Keras to its error", ">= 25 x", lambda v: (v or 0) >= 25),
        ("images_per_second_ratio", "the same net, images a second of training", ">= 2.0 x", lambda v: v >= 2.0),
        # Counted in the multiply-adds of the plain form: the four phases need fewer, so it may exceed 1.
        ("fraction_of_peak", "the same, effective rate against the matrix-product peak", ">= 0.80", lambda v: v >= 0.8),
    ],
    "reconstruct-mnist": [
        ("mse/32", "MNIST drawn again from 32 numbers: test MSE", "<= 0.0035", lambda v: v <= 0.0035),
        ("mse/128", "the same from 128", "<= 0.0020, stretch 0.0012", lambda v: v <= 0.0020),
        ("mse_pca/32", "PCA from 32", "above ours", None),
        ("mse_pca/128", "PCA from 128", "above ours", None),
        ("train_seconds/32", "training at 32, seconds", "<= 300", lambda v: v <= 300),
        ("train_seconds/128", "training at 128, seconds", "<= 300", lambda v: v <= 300),
    ],
    "reconstruct-fashion-mnist": [
        ("mse/32", "Fashion-MNIST from 32 numbers: test MSE", "<= 0.0095", lambda v: v <= 0.0095),
        ("mse_pca/32", "PCA from 32", "above ours", None),
    ],
    "denoise-mnist": [
        ("psnr/0.5", "MNIST without noise of sigma 0.5, one blind model: dB", ">= 20.1", lambda v: v >= 20.1),
        ("psnr/0.25", "the same model at 0.25", ">= 24.1", lambda v: v >= 24.1),
        ("psnr/1.0", "the same model at 1.0", ">= 15.7", lambda v: v >= 15.7),
        ("train_seconds", "its training, seconds", "<= 600", lambda v: v <= 600),
        ("psnr_small/0.5", "tier small at 0.5", ">= 19.8", lambda v: v >= 19.8),
        ("train_seconds_small", "its training, seconds", "<= 60", lambda v: v <= 60),
        ("sigma_within_10_percent", "sigma found within 10 %, 0.1 to 1: share of images", ">= 0.95", lambda v: v >= 0.95),
        ("noisy_only_loss_db", "lost by learning from noisy images alone, dB", "<= 1.0", lambda v: v <= 1.0),
    ],
    "denoise-notmnist": [
        ("gain_over_lesson_db", "notMNIST at 0.5, above the lesson's net, dB", ">= 1.5", lambda v: v >= 1.5),
        ("gain_over_classical_db", "the same above the best classical method, dB", "> 0", lambda v: v > 0),
    ],
    "denoise_photos-toothbrush": [
        ("gain_db", "colour photos, sigma 0.1, above wavelets and non-local means, dB", ">= 1.0", lambda v: v >= 1.0),
        ("seconds_12_megapixels", "a photo of 12 megapixels, whole command, seconds", "<= 60", lambda v: v <= 60),
        ("tiled_difference_of_255", "in tiles and at once differ by, of 255", "<= 1", lambda v: v <= 1),
    ],
    "one_class-mnist-class-5": [
        ("auroc_mean", "default detector, MNIST, normal = 5: AUROC", ">= 0.965", lambda v: v >= 0.965),
        ("auroc_pca", "the same by PCA", "below ours", None),
        ("auroc_knn", "the same by nearest neighbours", "below ours", None),
        ("fit_seconds_max", "longest fit, seconds", "<= 120", lambda v: v <= 120),
    ],
    "one_class-mnist": [
        ("auroc_mean", "MNIST, each digit normal in turn: mean AUROC of ten", ">= 0.983", lambda v: v >= 0.983),
        ("auroc_worst", "the worst digit", ">= 0.950", lambda v: v >= 0.95),
        ("auroc/5", "normal = 5", ">= 0.990", lambda v: v >= 0.99),
        ("total_seconds", "all ten fits, seconds", "<= 2400", lambda v: v <= 2400),
        ("auroc_pca", "PCA, mean", "below ours", None),
        ("auroc_knn", "nearest neighbours, mean", "below ours", None),
    ],
    "one_class-mnist-tiny": [
        ("auroc_mean", "MNIST, tier tiny (closed form): mean of ten", ">= 0.965", lambda v: v >= 0.965),
        ("fit_seconds_max", "longest fit, seconds", "<= 10 with scoring", lambda v: v <= 10),
        ("score_seconds_max", "longest scoring of the 10,000 test images, seconds", "<= 10 with the fit", lambda v: v <= 10),
    ],
    "one_class-fashion-mnist": [
        ("auroc_mean", "Fashion-MNIST: mean of ten", ">= 0.935, stretch 0.945", lambda v: v >= 0.935),
        ("auroc_worst", "the worst class", "reported", None),
        ("total_seconds", "all ten fits, seconds", "<= 2400", lambda v: v <= 2400),
    ],
    "one_class-cifar10-large": [
        ("auroc_mean", "CIFAR-10, tier large: mean of ten", ">= 0.78, stretch 0.866", lambda v: v >= 0.78),
        ("auroc_worst", "the worst class", "reported", None),
        ("total_seconds", "all ten fits, seconds", "<= 5400", lambda v: v <= 5400),
    ],
    "inspection-toothbrush": [
        ("image_auroc", "toothbrush, 48 good photos, every default: AUROC of images", ">= 0.95", lambda v: v >= 0.95),
        ("pixel_auroc", "the same of pixels", ">= 0.95", lambda v: v >= 0.95),
        ("aupro", "per-region overlap", "reported", None),
        ("train_seconds", "training, seconds", "<= 600 with the next", lambda v: v <= 600),
        ("detect_seconds", "judging 42 of them, with report, seconds", "", None),
        ("auroc_pca", "AUROC of images by PCA", "reported", None),
        ("auroc_knn", "the same by nearest neighbours", "reported", None),
    ],
    "inspection-magnetic_tile": [
        ("image_auroc", "magnetic tile, 715 good photos, every default: AUROC of images", ">= 0.88", lambda v: v >= 0.88),
        ("pixel_auroc", "the same of pixels", ">= 0.85", lambda v: v >= 0.85),
        ("aupro", "per-region overlap", "reported", None),
        ("train_seconds", "training, seconds", "<= 1200", lambda v: v <= 1200),
        ("false_alarm_rate", "false alarms at alpha 5 % on 237 good photos", "within the next", None),
        ("false_alarms_inside", "inside the 99 % beta-binomial band", "yes", lambda v: v is True),
        ("auroc_pca", "AUROC of images by PCA", "reported", None),
        ("auroc_knn", "the same by nearest neighbours", "reported", None),
    ],
    "fdr-mnist-5": [
        ("fdp_mean", "FDR at 10 %, 100 batches of 200: mean false-discovery proportion", "<= 0.10", lambda v: v <= 0.10),
        ("power", "the same: power", ">= 0.5", lambda v: v >= 0.5),
        ("fdp_mean_as_delivered", "the same against the official test split, whose writers are others", "reported", None),
        ("power_as_delivered", "the same: power", "reported", None),
    ],
    "contamination-mnist-5": [
        ("auroc_drop", "MNIST 5 with 5 % other digits among the training images: AUROC lost", "<= 0.015", lambda v: v <= 0.015),
        ("intruders_listed", "intruders among the images listed", ">= 0.60", lambda v: v >= 0.6),
        ("listed_share_of_clean", "listed of a clean set", "reported", None),
    ],
    "startup-digits": [
        ("import_seconds", "import sablier, seconds", "<= 0.2", lambda v: v <= 0.2),
        ("torch_loaded", "torch loaded by it", "no", lambda v: v is False),
        ("help_seconds", "sablier --help, seconds", "<= 0.5", lambda v: v <= 0.5),
        ("demo_seconds", "the demo after installation, seconds", "<= 60", lambda v: v <= 60),
    ],
    "score_speed-glyphs-10k": [
        ("seconds_10k", "10,000 images of 28 x 28 scored, whole command, seconds", "<= 6", lambda v: v <= 6),
    ],
    "score_speed-glyphs": [
        ("peak_mb_1m", "peak memory of 1,000,000 streamed, MB", "< 1500", lambda v: v < 1500),
        ("peak_mb_200k", "peak memory of 200,000 streamed, MB", "the same", None),
    ],
}  # fmt: skip
