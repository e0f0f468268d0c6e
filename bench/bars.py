"""What each bench claims, and the bar it must meet; bench/page.py prints both beside the figure."""

from bar import Note

BESIDE = Note("beside")  # of another method, for comparison: nothing is judged

# Section of the page -> result file -> (key of the result, a/b for b within a; the claim; the bar, read by bar.py, or a note).
SECTIONS: dict[str, dict[str, list[tuple[str, str, str]]]] = {
    "Inspection of photos": {
        "inspection-toothbrush": [
            ("image_auroc", "toothbrush, 48 good photos: image AUROC", ">= 0.995"),
            ("pixel_auroc", "pixel AUROC", ">= 0.98"),
            ("aupro", "AUPRO", ">= 0.90"),
            ("miss_rate", "missed at alpha 5 %", "<= 0.10"),
            ("mask_area_ratio_median", "median mask area / defect area", "<= 4"),
            ("mask_area_max", "largest mask, share of frame", "<= 0.20"),
        ],
        "inspection-magnetic_tile": [
            ("image_auroc", "magnetic tile, 715 good photos: image AUROC", ">= 0.88"),
            ("pixel_auroc", "pixel AUROC", ">= 0.80"),
            ("runs_outside_band", "runs outside the 99 % band", "0"),
        ],
        "inspection-pcb": [
            ("image_auroc", "circuit boards, 199 good photos: image AUROC", ">= 0.92"),
            ("pixel_auroc", "pixel AUROC (masks are boxes)", ">= 0.95"),
            ("runs_outside_band", "runs outside the 99 % band", "0"),
        ],
        "inspection-pcb-tiles=256": [
            ("image_auroc", "circuit boards at full resolution, in tiles: image AUROC", ">= 0.95"),
            ("pixel_auroc", "pixel AUROC (masks are boxes)", ">= 0.95"),
            ("boxes_hit", "boxes hit by regions of flagged photos", ">= 0.80"),
        ],
        "photo_peers-photos": [
            ("rows/toothbrush, sablier/image_auroc", "toothbrush, image AUROC: sablier", BESIDE),
            ("rows/toothbrush, PaDiM/image_auroc", "PaDiM, same features", BESIDE),
            ("rows/toothbrush, PatchCore/image_auroc", "PatchCore, same features", BESIDE),
            ("rows/toothbrush, sablier/aupro", "toothbrush, AUPRO: sablier", BESIDE),
            ("rows/toothbrush, PaDiM/aupro", "PaDiM", BESIDE),
            ("rows/toothbrush, PatchCore/aupro", "PatchCore", BESIDE),
            ("rows/magnetic_tile, sablier/image_auroc", "magnetic tile, image AUROC: sablier", BESIDE),
            ("rows/magnetic_tile, PaDiM/image_auroc", "PaDiM", BESIDE),
            ("rows/magnetic_tile, PatchCore/image_auroc", "PatchCore", BESIDE),
            ("rows/magnetic_tile, sablier/aupro", "magnetic tile, AUPRO: sablier", BESIDE),
            ("rows/magnetic_tile, PaDiM/aupro", "PaDiM", BESIDE),
            ("rows/magnetic_tile, PatchCore/aupro", "PatchCore", BESIDE),
        ],
        "few_shot-photos": [
            ("rows/toothbrush, 8/image_auroc", "8 good toothbrush photos: image AUROC", ">= 0.93"),
        ],
        "photo_speed-photos": [
            ("train_seconds_48", "training, 48 photos: seconds", "<= 15"),
            ("train_seconds_715", "715 photos", "<= 60"),
            ("train_seconds_5000", "5,000 photos", "<= 300"),
            ("peak_mb_5000", "peak memory, MB", "< 4000"),
            ("photos_per_second", "detect: photos/s", ">= 25"),
            ("report_seconds_42", "42 photos with report: seconds", "<= 12"),
            ("model_mb", "largest model file, MB", "<= 30"),
        ],
        "report_page-magnetic_tile": [
            ("open_seconds", "report of 2,000 judged photos: opens after, seconds", "<= 2"),
            ("next_ms", "next photo in the large view, ms", "<= 150"),
            ("folder_ratio", "folder / photos shown, bytes", "<= 3"),
        ],
        "update-magnetic_tile": [
            ("seconds", "update, 100 photos after 600: seconds", "<= 15"),
            ("largest_difference", "scores and maps, from one pass over all", "<= 0.00001"),
            ("splits_outside_band", "after it, 20 random splits: outside the band", "0"),
        ],
        "large_photos-boards": [
            ("detect_seconds", "a photo of 12 megapixels in tiles, with report: seconds", "<= 20"),
            ("peak_mb", "peak memory, MB", "< 2000"),
            ("largest_difference", "map in tiles, from the map computed whole", "<= 0.001"),
        ],
        "false_alarms_photos-toothbrush": [
            ("rows/toothbrush/runs_outside", "toothbrush, random splits: runs outside the band", "0"),
        ],
        "false_alarms_photos-magnetic_tile": [
            ("rows/magnetic_tile/runs_outside", "magnetic tile, random splits", "0"),
        ],
        "false_alarms_photos-pcb": [
            ("rows/pcb/runs_outside", "circuit boards, random splits", "0"),
        ],
    },
    "Detection in small images": {
        "one_class-mnist": [
            ("auroc_mean", "MNIST, one digit normal: mean AUROC", ">= 0.983"),
            ("auroc_worst", "worst digit", ">= 0.950"),
            ("auroc/5", "normal = 5", ">= 0.990"),
            ("total_seconds", "ten trainings, seconds", "<= 2400"),
            ("auroc_pca", "PCA, mean AUROC", BESIDE),
            ("auroc_knn", "nearest neighbours", BESIDE),
        ],
        "one_class-mnist-class-5": [
            ("auroc_mean", "MNIST, normal = 5, earlier detector: AUROC", ">= 0.965"),
            ("fit_seconds_max", "longest training, seconds", "<= 120"),
        ],
        "one_class-mnist-tiny": [
            ("auroc_mean", "MNIST, closed form: mean AUROC", ">= 0.965"),
            ("fit_seconds_max", "longest training, seconds", "<= 10"),
            ("score_seconds_max", "10,000 images scored, seconds", "<= 10"),
        ],
        "one_class-fashion-mnist": [
            ("auroc_mean", "Fashion-MNIST: mean AUROC", ">= 0.935"),
            ("total_seconds", "ten trainings, seconds", "<= 2400"),
        ],
        "one_class-cifar10-large": [
            ("auroc_mean", "CIFAR-10: mean AUROC", ">= 0.78"),
            ("total_seconds", "ten trainings, seconds", "<= 5400"),
        ],
        "contamination-mnist-5": [
            ("auroc_drop", "5 % contamination: AUROC lost", "<= 0.015"),
            ("intruders_listed", "contaminating images listed", ">= 0.60"),
        ],
    },
    "Guarantees": {
        "false_alarms-mnist-5": [
            ("rows/1%/splits_outside_band", "MNIST, alpha 1 %, 20 splits: outside the band", "0"),
            ("rows/5%/splits_outside_band", "alpha 5 %", "0"),
            ("rows/10%/splits_outside_band", "alpha 10 %", "0"),
        ],
        "fdr-mnist-5": [
            ("fdp_mean", "FDR 10 %, 100 batches: mean false-discovery proportion", "<= 0.10"),
            ("power", "power", ">= 0.5"),
        ],
        "shards-mnist-5": [
            ("equal", "16 shards merged, FDR 10 %, a drift: tables, cut, drift and promise equal those of one run", "yes"),
            ("lost", "images lost, three shards killed and run again", "0"),
            ("duplicated", "images twice", "0"),
        ],
        "promises-all": [
            (
                "rows/bound wrong at its worst cut, mnist, 1000 calibrate/figure",
                "good at most, 90 %, all cuts: wrong of 500 batches",
                "<= 66",
            ),
            ("rows/good at most, at the BH cut, mnist, 1000 calibrate/figure", "good at most, at the BH cut", BESIDE),
            ("rows/the same by Simes, mnist, 1000 calibrate/figure", "the same by Simes' tests", BESIDE),
            ("rows/truly good, mnist, 1000 calibrate/figure", "in truth", BESIDE),
            (
                "rows/lots: the bound right, mnist, 1000 calibrate, 3 bad/figure",
                "lots with 3 bad of 200, 95 %: right of 500",
                ">= 463",
            ),
            ("rows/lots: mean of the bound, mnist, 1000 calibrate, 10 bad/figure", "lots with 10 bad: bad at least", BESIDE),
            (
                "rows/lots: mean of the bound, mnist, effect of 1 SD, 0 bad/figure",
                "lots with 0 bad, all images 1 SD off: bad at least",
                BESIDE,
            ),
            *(
                (f"rows/streams: {what}, MNIST 7{data}: windows of 1,000/figure", f"`watch --fdr 0.1`{data}: {words}", bar)
                for data in ("", ", bursts")
                for what, words, bar in (
                    ("mean false-discovery proportion", "mean false-discovery proportion", BESIDE),
                    ("lower end of the 99 % interval of that mean", "lower end of its 99 % interval", "<= 0.10"),
                    ("share of the power of one batch", "share of the power of one batch", ">= 0.8"),
                )
            ),
            ("rows/streams: power, MNIST 7: LORD++/figure", "LORD++: power", BESIDE),
            ("rows/streams: power, MNIST 7: SAFFRON/figure", "SAFFRON: power", BESIDE),
            *(
                (f"rows/maps: good images with any mark at 5%: splits outside the band, {data}/figure", f"marks, {words}", "0")
                for data, words in (("mnist-5", "MNIST, 20 splits: outside"), ("magnetic_tile", "tiles, 20 splits: outside"))
            ),
            *(
                (f"rows/PyOD {name}, calibrated here at 5%: runs outside the band, {data}/figure", f"PyOD {name}, {words}", "0")
                for data, words in (("mnist, digit 5", "MNIST: outside"), ("features of magnetic_tile", "tiles: outside"))
                for name in ("IForest", "AutoEncoder")
            ),
        ],
        "dependence-mnist-tile": [
            ("runs_outside", "repeats, bursts, copies: runs above the band", "0"),
            ("rate_mean_least", "mean rate, worst situation, lower end", "<= 0.05"),
            ("rows_undetermined", "15 calibration images: undetermined", "1"),
            ("distinct_wrongly_grouped", "distinct images grouped, worst set", "<= 0.02"),
            ("overlap_reported", "training images reused: noticed", "1"),
            ("overlap_wrong", "fresh images taken for reused", "<= 0.02"),
            ("seconds_10k", "repeats among 10,000 small images, seconds", "<= 5"),
            ("seconds_1k_photos", "among 1,000 photos", "<= 10"),
            ("bytes_per_image", "model file growth, bytes/image", "<= 64"),
            ("drift_alarms_on_good_bursts/on", "drift alarms, 12 good streams", "0"),
        ],
        "fuzz-all": [
            ("tracebacks", "malformed files: tracebacks", "0"),
            ("slow", "cases above 10 s", "0"),
            ("peak_mb", "largest memory, MB", "< 1500"),
        ],
        "crash-digits": [
            ("hits_least", "kills of each of six verbs", ">= 40"),
            ("verbs_whole", "verbs that lost nothing", "6"),
        ],
    },
    "Classifiers": {
        "classify-all": [
            ("rows/course-softmax/accuracy_before", "course-softmax, MNIST: untrained accuracy", "about 0.10"),
            ("rows/course-softmax/accuracy", "one epoch", ">= 0.90"),
            ("rows/course-softmax/train_seconds", "seconds", "< 5"),
            ("rows/course-cnn, 1 epoch/accuracy", "course-cnn, MNIST: one epoch", ">= 0.985"),
            ("rows/course-cnn, 1 epoch/train_seconds", "seconds", "< 45"),
            ("rows/course-cnn, 3 epochs/accuracy", "three epochs", ">= 0.991"),
            ("rows/mnist in 14 s/accuracy", "classifier-fast, MNIST, 14 s: accuracy", ">= 0.98"),
            ("rows/mnist in 14 s/train_seconds", "seconds", "< 15"),
            ("rows/mnist in 110 s/accuracy", "110 s: accuracy", ">= 0.994"),
            ("rows/mnist in 110 s/train_seconds", "seconds", "< 120"),
            ("rows/mnist in 14 s, calibrated/ece", "classifier, MNIST: ECE", "<= 0.005"),
            ("rows/cifar10 in 5 minutes/accuracy", "CIFAR-10, 5 minutes: accuracy", ">= 0.87"),
            ("rows/cifar10 in 5 minutes/train_seconds", "seconds", "<= 300"),
            ("rows/cifar10 in 15 minutes/accuracy", "15 minutes: accuracy", ">= 0.915"),
            ("rows/cifar10 in 15 minutes/train_seconds", "seconds", "<= 900"),
            ("rows/cifar10 in 60 minutes/accuracy", "60 minutes: accuracy", ">= 0.935"),
            ("rows/cifar10 in 60 minutes/train_seconds", "seconds", "<= 3600"),
            ("rows/cifar10 in 5 minutes, calibrated/ece", "classifier, CIFAR-10: ECE", "<= 0.015"),
        ],
        "augment-mnist": [
            ("gain_points/500", "generated training images, 500 labels: points gained", ">= 1.0"),
            ("interval/500", "95 % interval", "above 0"),
        ],
        "label_errors-mnist": [
            ("hits_in_100", "15 label errors of MNIST, among 100 listed", ">= 13"),
            ("rows/published probabilities/hits_in_100", "published probabilities", BESIDE),
        ],
        "robustness-mnist-cifar10": [
            ("apgd_accuracy_mnist", "APGD, MNIST, eps 0.3: accuracy", "<= 0.01"),
            ("largest_change_mnist", "largest change", "<= 0.3"),
            ("apgd_accuracy_cifar10", "APGD, CIFAR-10, eps 8/255: accuracy", "0"),
            ("largest_change_cifar10", "largest change", "<= 8/255"),
            ("above_autoattack", "accuracy above AutoAttack's, worst net", "<= 0.01"),
            ("times_faster", "times faster than AutoAttack", ">= 5 x"),
            ("robust_autoattack_accuracy", "classifier-robust, eps 0.3: AutoAttack accuracy", ">= 0.85"),
            ("robust_train_seconds", "training, seconds", "<= 900"),
            ("corruption_seconds/mnist", "27 corruptions, 10,000 digits: seconds", "<= 60"),
            ("corruption_seconds/cifar10", "CIFAR-10", "<= 60"),
        ],
        "fooling-mnist": [
            ("classes_fooled", "fooling images: classes reached, of 10", "10"),
            ("confidence_min", "lowest probability", ">= 0.999"),
            ("seconds", "longest search, seconds", "<= 60"),
        ],
    },
    "Codes and generation": {
        "latent-mnist": [
            ("linear_probe", "MNIST, 32 numbers: linear probe", ">= 0.970"),
            ("linear_probe_pca", "PCA", BESIDE),
            ("knn5", "5 nearest neighbours", ">= 0.975"),
            ("knn5_pca", "PCA", BESIDE),
            ("cluster_accuracy", "ten clusters: accuracy", ">= 0.94"),
            ("class_means_right", "decoded class means recognised, of 10", "10"),
        ],
        "arithmetic-glyphs": [
            ("error_ratio", "letters: error / no change", "<= 0.6"),
            ("nearest_right", "nearest of 20 letters correct", ">= 0.80"),
        ],
        "arithmetic-faces": [
            ("error_ratio", "glasses on an unseen combination: error / no change", "<= 0.5"),
            ("nearest_right", "nearest of 16 faces correct", ">= 0.90"),
            ("error_ratio_of_pixels", "the same sum of pixels", BESIDE),
            ("error_ratio_shape_unseen", "shape never seen: error / no change", BESIDE),
            ("nearest_right_by_code_shape_unseen", "shape never seen: nearest code correct", BESIDE),
            ("nearest_right_shape_unseen", "shape never seen: nearest face correct", BESIDE),
        ],
        "reconstruct-mnist": [
            ("mse/32", "MNIST, 32 numbers: test MSE", "<= 0.0035"),
            ("mse_pca/32", "PCA", BESIDE),
            ("mse/128", "128 numbers", "<= 0.0020"),
            ("mse_pca/128", "PCA", BESIDE),
            ("train_seconds/32", "training, seconds", "<= 300"),
            ("train_seconds/128", "128 numbers", "<= 300"),
        ],
        "reconstruct-fashion-mnist": [
            ("mse/32", "Fashion-MNIST, 32 numbers: test MSE", "<= 0.0095"),
            ("mse_pca/32", "PCA", BESIDE),
        ],
        "generate-mnist": [
            ("ratio_to_gaussian", "MNIST, mixture: FD / one Gaussian's", "<= 0.6"),
            ("ratio_to_reconstruction", "FD / reconstructions'", "<= 1.25"),
            ("classifier_accuracy_score", "classifier trained on samples: accuracy", ">= 0.95"),
        ],
        "gan-mnist": [
            ("share_smallest", "GAN, MNIST: smallest share of a digit", ">= 0.05"),
            ("share_largest", "largest", "<= 0.15"),
            ("fd_ratio", "FD / mixture's, worst seed", "<= 1"),
            ("seeds_collapsed", "collapsed seeds", "0"),
            ("gaussians_found", "25 Gaussians: found", "25"),
            ("train_seconds", "longest training, seconds", "<= 1200"),
        ],
        "map_page-mnist": [
            ("open_seconds", "map of 10,000 images: drawn after, seconds", "<= 2"),
            ("hover_ms", "response to the pointer, ms", "<= 50"),
        ],
    },
    "Denoising and compression": {
        "denoise-mnist": [
            ("psnr/0.5", "MNIST, sigma 0.5: dB", ">= 20.1"),
            ("psnr/0.25", "0.25", ">= 24.1"),
            ("psnr/1.0", "1.0", ">= 15.7"),
            ("train_seconds", "training, seconds", "<= 600"),
            ("psnr_small/0.5", "tier small, 0.5: dB", ">= 19.8"),
            ("train_seconds_small", "training, seconds", "<= 60"),
            ("sigma_within_10_percent", "noise level within 10 %: share", ">= 0.95"),
            ("noisy_only_loss_db", "trained on noisy images only: dB lost", "<= 1.0"),
        ],
        "denoise-notmnist": [
            ("gain_over_lesson_db", "notMNIST, above the lesson's net: dB", ">= 1.5"),
            ("gain_over_classical_db", "above the best classical method", "> 0"),
        ],
        "denoise_photos-toothbrush": [
            ("gain_db", "photos, above wavelets and non-local means: dB", ">= 1.0"),
            ("seconds_12_megapixels", "12 megapixels, seconds", "<= 60"),
            ("tiled_difference_of_255", "tiled against whole, of 255", "<= 1"),
        ],
        "compress-mnist-fashion-mnist": [
            ("lossless_bits_per_pixel/mnist", "MNIST, lossless: bits/pixel", "<= 1.32"),
            ("lossless_peers/lzma, all in a row", "lzma", BESIDE),
            ("lossless_bits_per_pixel/fashion-mnist", "Fashion-MNIST", "<= 3.50"),
            ("lossy_bytes_at_mse_0005", "MNIST, MSE 0.005: bytes/image", "<= 24"),
            ("decode_identical", "decoded identically elsewhere", "all"),
            ("flips_undetected", "damage undetected", "0"),
            ("blocks_lost_for_nothing", "intact blocks lost", "0"),
            ("encode_images_per_second", "lossy encoding, images/s", ">= 1000"),
            ("decode_images_per_second", "decoding", ">= 1000"),
            ("lossless_encode_images_per_second", "lossless encoding", ">= 150"),
            ("lossless_decode_images_per_second", "decoding", ">= 150"),
        ],
        "compress-mnist-small": [
            ("lossless_bits_per_pixel/mnist", "MNIST, lossless: bits/pixel", "<= 1.32"),
            ("decode_images_per_second", "lossy decoding, images/s", ">= 1000"),
            ("lossless_decode_images_per_second", "lossless decoding", ">= 150"),
        ],
    },
    "Exported models": {
        "parity-models": [
            ("worst_largest_difference", "exported against native, all models: largest difference / spread", "<= 0.0001"),
            ("worst_ranks_different", "ranks of p-values", "<= 1"),
            ("worst_verdicts_different", "other verdicts", "0"),
            ("worst_near_threshold", "other verdicts at the threshold, in 10,000", "<= 1"),
            ("worst_verdicts_different_openvino", "other verdicts by OpenVINO", BESIDE),
            ("worst_export_seconds", "longest export, seconds", "<= 60"),
            ("int8/detector, base/before", "detector, base: AUROC", BESIDE),
            ("int8/detector, base/after", "in 8 bits", BESIDE),
            ("int8/detector, base/faster", "times as fast", BESIDE),
            ("int8/classifier, base/before", "classifier: accuracy", BESIDE),
            ("int8/classifier, base/after", "in 8 bits", BESIDE),
            ("int8/classifier, base/faster", "times as fast", BESIDE),
        ],
        "latency-models": [
            ("p50_ms_native", "one 28 x 28 image, warm, tier tiny: median ms", "<= 5"),
            ("p50_ms_onnx", "exported", "<= 2"),
            ("rows/small/onnx/p50", "exported, tier small", BESIDE),
            ("rows/base/onnx/p50", "tier base", BESIDE),
            ("rows/large/onnx/p50", "tier large", BESIDE),
            ("runtime_install_mb", "sablier-runtime, installed: MB", "<= 160"),
            ("runtime_import_seconds", "import, seconds", "<= 0.4"),
            ("runtime_photo_ms", "one 256 x 256 JPEG file, warm, tier tiny: ms", "<= 60"),
        ],
    },
    "Service": {
        "service_load-tiny": [
            ("p50_ms", "one client, 28 x 28, tier tiny: median ms", "<= 10"),
            ("p99_ms", "99 % quantile", "<= 30"),
            ("photo_p50_ms", "a 256 x 256 photo: median ms", "<= 150"),
            ("images_per_second_32_clients", "32 clients, single images: images/s", ">= 400"),
            ("errors", "errors", "0"),
            ("memory_growth_mb", "memory in 30 s, MB", "<= 50"),
            ("overload_lost", "256 clients: requests without an answer", "0"),
            ("recover_seconds", "as fast as before after, seconds", "<= 2"),
            ("single_different", "500 files: other verdicts than the command", "0"),
        ],
    },
    "Speed and the course": {
        "startup-digits": [
            ("import_seconds", "import sablier, seconds", "<= 0.2"),
            ("torch_loaded", "torch loaded by it", "no"),
            ("help_seconds", "sablier --help, seconds", "<= 0.5"),
            ("demo_seconds", "make demo, seconds", "<= 60"),
            ("unknown_name_seconds", "unknown setting refused, seconds", "<= 0.5"),
            ("test_seconds", "make test, seconds", "<= 300"),
        ],
        "score_speed-glyphs-10k": [("seconds_10k", "10,000 small images scored, seconds", "<= 6")],
        "score_speed-glyphs": [
            ("peak_mb_1m", "1,000,000 streamed: peak MB", "< 1500"),
            ("peak_mb_200k", "200,000 streamed", BESIDE),
        ],
        "course-mnist": [
            ("lesson1_val_mse", "lesson 1, same net: validation MSE", "<= 0.0080"),
            ("lesson1_auroc", "AUROC", ">= 0.972"),
        ],
        "train_speed-course_dense": [("speedup", "lesson 1: times faster than its loop", ">= 5 x")],
        "train_speed-course_conv": [
            ("speedup_to_quality", "lesson 2: times faster than Keras to its error", ">= 25 x"),
            ("images_per_second_ratio", "same net: images/s ratio", ">= 2.0 x"),
            # Counted in the multiply-adds of the plain form: the four phases need fewer, so it may exceed 1.
            ("fraction_of_peak", "rate / matrix-product peak", ">= 0.80"),
        ],
    },
}

BARS = {stem: claims for section in SECTIONS.values() for stem, claims in section.items()}
