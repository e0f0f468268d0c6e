"""The one training loop: it learns, it repeats to the bit, it resumes to the bit, and it says when it cannot go on."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sablier.errors import Interrupted, ModelFileError, TooFewImages, TrainingDiverged
from sablier.images import ImageSet, Preprocess, load_dataset
from sablier.models import Model, create_model
from sablier.training import loop
from sablier.training.config import FitConfig
from sablier.training.loop import History, fit
from sablier.training.objectives import Loss, Objective, Reconstruction, mean_squared_error
from sablier.training.progress import Progress
from sablier.transforms.batches import Batch, Batches

RULE = Preprocess(height=8, width=8, channels=1)


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_dataset("digits").take(range(230))


class Killed(Exception):
    """A kill at any moment: nothing is saved on the way out."""


@dataclass(frozen=True)
class Detached(Reconstruction):
    """A broken objective: its loss does not depend on the weights."""

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        for group, loss, parts in super().losses(model, batch):
            yield group, loss.detach().requires_grad_(), parts


@dataclass(frozen=True)
class TwoGroups:
    """Encoder and decoder in turn, the encoder `turns` times a batch."""

    turns: int = 1

    def parameter_groups(self, model: Model) -> Mapping[str, list[nn.Parameter]]:
        decoder = [value for name, value in model.named_parameters() if name.startswith(("decoder", "output"))]
        own = set(map(id, decoder))
        return {"encoder": [value for value in model.parameters() if id(value) not in own], "decoder": decoder}

    def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
        for _ in range(self.turns):
            loss = mean_squared_error(model.reconstruct(batch.x), batch.x)
            yield "encoder", loss, {"spread": model.encode(batch.x).std()}
        yield "decoder", mean_squared_error(model.reconstruct(batch.x), batch.x), {}

    def validate(self, model: Model, batch: Batch) -> Tensor:
        return mean_squared_error(model.reconstruct(batch.x), batch.x)


def started(name: str = "bottleneck") -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        options = {"width": 4, "latent": 4} if name == "bottleneck" else {"latent": 32}
        return create_model(name, (8, 8, 1), **options)


def trained(
    digits: ImageSet,
    objective: Objective | None = None,
    *,
    name: str = "bottleneck",
    checkpoint: Path | None = None,
    stop: tuple[int, type[BaseException]] | None = None,
    validation: ImageSet | None = None,
    **settings,
) -> tuple[Model, History]:
    """Train a small net; `stop` raises an error after so many calls of on_progress."""
    model = started(name)
    calls = 0

    def on_progress(progress: Progress) -> None:
        nonlocal calls
        calls += 1
        if stop is not None and calls == stop[0]:
            raise stop[1]

    config = FitConfig(**{"epochs": 5, "batch_size": 64, "threads": 1, **settings})
    history = fit(
        model,
        Batches(digits, RULE),
        objective or Reconstruction(noise=0.3, mask=0.1),
        config,
        validation=None if validation is None else Batches(validation, RULE),
        checkpoint=checkpoint,
        on_progress=on_progress,
    )
    return model, history


def same(first: Model, second: Model) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def losses(history: History) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history.rows]


def check_it_learns(digits: ImageSet, objective: Objective, **settings) -> None:
    """Assert what every training run must do: move every weight, and lower the loss."""
    name = "course_dense"
    before = started(name)
    before.initialise(Batches(digits, RULE).take(slice(None)).x, 0)
    model, history = trained(digits, objective, name=name, epochs=20, **settings)
    start = dict(before.named_parameters())
    assert all(not torch.equal(value, start[key]) for key, value in model.named_parameters())
    assert history.rows[-1]["loss"] < 0.7 * history.rows[0]["loss"]


# Learning, and the two mutations that must not pass for it.


def test_training_moves_the_weights_and_lowers_the_loss(digits):
    check_it_learns(digits, Reconstruction())
    check_it_learns(digits, Reconstruction(noise=0.1), ema=0.9)


@pytest.mark.parametrize(("objective", "settings"), [(Detached(), {}), (Reconstruction(), {"learning_rate": 0.0})])
def test_training_that_does_not_move_the_weights_fails_the_check(digits, objective, settings):
    with pytest.raises(AssertionError):
        check_it_learns(digits, objective, weight_decay=0.0, **settings)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "rmsprop"])
def test_every_optimizer_learns(digits, optimizer):
    rate = 0.5 if optimizer == "sgd" else 1e-3
    check_it_learns(digits, Reconstruction(), optimizer=optimizer, learning_rate=rate, weight_decay=0.0, ema=0.0)


def test_the_default_net_improves_on_the_pca_it_starts_from(digits):
    held = load_dataset("digits").take(range(230, 330))
    model = started()
    x = Batches(held, RULE).take(slice(None)).x
    model.initialise(Batches(digits, RULE).take(slice(None)).x, 0)
    with torch.no_grad():
        pca = mean_squared_error(model.reconstruct(x), x).item()
    _, history = trained(digits, Reconstruction(), validation=held, epochs=60)
    assert history.rows[-1]["validation_loss"] < 0.95 * pca


# The same bits.


@pytest.mark.parametrize("settings", [{}, {"ema": 0.0}, {"optimizer": "sgd"}, {"dtype": "bfloat16"}])
def test_the_same_seed_gives_the_same_bits(digits, settings):
    first, again = trained(digits, **settings), trained(digits, **settings)
    assert same(first[0], again[0])
    assert losses(first[1]) == losses(again[1])


def test_another_seed_gives_other_weights(digits):
    assert not same(trained(digits)[0], trained(digits, seed=1)[0])


def test_the_state_of_the_caller_is_left_alone(digits):
    torch.manual_seed(5)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    first, _ = trained(digits)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    torch.manual_seed(6)  # nor does it matter
    assert same(first, trained(digits)[0])


def test_watching_and_validating_change_nothing(digits):
    watched, _ = trained(digits, validation=digits.take(range(50)))
    assert same(watched, trained(digits)[0])


# Resumed is uninterrupted. 230 images in batches of 64 are 4 steps an epoch, and a call for each epoch's row.


@pytest.fixture
def saving_often(monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)


@pytest.mark.parametrize("moment", [1, 4, 5, 6, 11, 17, 24, 25])
@pytest.mark.parametrize("error", [Killed, KeyboardInterrupt])
def test_resumed_at_any_moment_is_uninterrupted(digits, tmp_path, saving_often, moment, error):
    held = digits.take(range(40))
    whole, history = trained(digits, validation=held)
    with pytest.raises(Killed if error is Killed else Interrupted):
        trained(digits, validation=held, checkpoint=tmp_path / "c", stop=(moment, error))
    model, resumed = trained(digits, validation=held, checkpoint=tmp_path / "c")
    assert same(model, whole)
    assert losses(resumed) == losses(history)
    assert [row["epoch"] for row in resumed.rows] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["bottleneck", "course_dense"])
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("settings", [{}, {"ema": 0.0, "schedule": "constant", "gradient_clip": 0.0}, {"dtype": "bfloat16"}])
def test_every_optimizer_resumes_to_the_bit(digits, tmp_path, saving_often, name, optimizer, settings):
    settings = {"optimizer": optimizer, "name": name, **settings}
    whole, _ = trained(digits, **settings)
    with pytest.raises(Killed):
        trained(digits, checkpoint=tmp_path / "c", stop=(13, Killed), **settings)
    assert same(trained(digits, checkpoint=tmp_path / "c", **settings)[0], whole)


def test_stopped_again_and_again_it_still_ends_at_the_same_bits(digits, tmp_path, saving_often):
    whole, _ = trained(digits)
    for moment in (7, 9, 3, 6):
        with pytest.raises((Killed, Interrupted)):
            trained(digits, checkpoint=tmp_path / "c", stop=(moment, Killed if moment % 2 else KeyboardInterrupt))
    assert same(trained(digits, checkpoint=tmp_path / "c")[0], whole)


def test_a_finished_run_resumes_to_itself(digits, tmp_path):
    first, _ = trained(digits, checkpoint=tmp_path / "c")
    again, history = trained(digits, checkpoint=tmp_path / "c", stop=(1, AssertionError))
    assert same(first, again)
    assert len(history.rows) == 5


def test_a_kill_before_the_first_checkpoint_starts_afresh(digits, tmp_path):
    with pytest.raises(Killed):
        trained(digits, checkpoint=tmp_path / "c", stop=(7, Killed))
    assert not (tmp_path / "c").exists()
    assert same(trained(digits, checkpoint=tmp_path / "c")[0], trained(digits)[0])


def test_ctrl_c_says_where_the_work_is_and_how_to_go_on(digits, tmp_path):
    with pytest.raises(Interrupted, match=r"stopped in epoch 3 of 5\. The work so far is in .*c; run .* --resume"):
        trained(digits, checkpoint=tmp_path / "c", stop=(11, KeyboardInterrupt))
    assert (tmp_path / "c").exists()
    with pytest.raises(Interrupted, match="stopped in epoch 3 of 5"):
        trained(digits, stop=(11, KeyboardInterrupt))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"learning_rate": 1e-3}, "fit"),
        ({"epochs": 9}, "fit"),
        ({"seed": 4}, "fit"),
        ({"objective": Reconstruction(noise=0.2)}, "objective"),
        ({"name": "course_dense"}, "model, config"),
    ],
)
def test_another_run_does_not_resume_from_it(digits, tmp_path, change, named):
    with pytest.raises(Interrupted):
        trained(digits, checkpoint=tmp_path / "c", stop=(11, KeyboardInterrupt))
    with pytest.raises(ModelFileError, match=f"the checkpoint is of another run: its {named} differ.*start afresh without it"):
        trained(digits, checkpoint=tmp_path / "c", **change)


@pytest.mark.parametrize("other", [range(229), range(1, 231)])
def test_other_images_do_not_resume_from_it(digits, tmp_path, other):
    with pytest.raises(Interrupted):
        trained(digits, checkpoint=tmp_path / "c", stop=(11, KeyboardInterrupt))
    with pytest.raises(ModelFileError, match="its images differ"):
        trained(load_dataset("digits").take(other), checkpoint=tmp_path / "c")


def test_a_damaged_checkpoint_is_refused(digits, tmp_path):
    with pytest.raises(Interrupted):
        trained(digits, checkpoint=tmp_path / "c", stop=(11, KeyboardInterrupt))
    data = (tmp_path / "c").read_bytes()
    (tmp_path / "c").write_bytes(data[:-9])
    with pytest.raises(ModelFileError, match="altered"):
        trained(digits, checkpoint=tmp_path / "c")


# Two players.


@pytest.mark.parametrize("turns", [1, 2])
def test_two_players_move_in_turn(digits, turns):
    before = started("course_dense")
    before.initialise(Batches(digits, RULE).take(slice(None)).x, 0)
    model, history = trained(digits, TwoGroups(turns), name="course_dense", epochs=20, learning_rate=1e-3)
    start = dict(before.named_parameters())
    assert all(not torch.equal(value, start[key]) for key, value in model.named_parameters())
    assert {"encoder_loss", "decoder_loss", "spread"} <= history.rows[0].keys()
    assert history.rows[-1]["decoder_loss"] < 0.7 * history.rows[0]["decoder_loss"]
    assert history.rows[-1]["learning_rate"] < 1e-5  # however often a player moves, the schedule ends with the run


@pytest.mark.parametrize("turns", [1, 2])
def test_two_players_resume_to_the_bit(digits, tmp_path, saving_often, turns):
    whole, history = trained(digits, TwoGroups(turns), name="course_dense")
    with pytest.raises(Killed):
        trained(digits, TwoGroups(turns), name="course_dense", checkpoint=tmp_path / "c", stop=(13, Killed))
    model, resumed = trained(digits, TwoGroups(turns), name="course_dense", checkpoint=tmp_path / "c")
    assert same(model, whole)
    assert losses(resumed) == losses(history)


def test_only_the_player_whose_turn_it_is_moves(digits):
    @dataclass(frozen=True)
    class OnlyDecoder(TwoGroups):
        def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
            yield "decoder", mean_squared_error(model.reconstruct(batch.x), batch.x), {}

        def parameter_groups(self, model: Model) -> Mapping[str, list[nn.Parameter]]:
            return {"decoder": super().parameter_groups(model)["decoder"]}

    model, _ = trained(digits, OnlyDecoder(), name="course_dense")
    before = started("course_dense")
    before.initialise(Batches(digits, RULE).take(slice(None)).x, 0)
    start = dict(before.named_parameters())
    moved = {key.split(".")[0] for key, value in model.named_parameters() if not torch.equal(value, start[key])}
    assert moved == {"decoder", "output"}


# What it reports, and what it refuses.


def test_the_history_has_a_row_for_every_epoch(digits):
    _, history = trained(digits, validation=digits.take(range(30)), epochs=3)
    assert [row["epoch"] for row in history.rows] == [1, 2, 3]
    for row in history.rows:
        assert row.keys() == {"epoch", "loss", "validation_loss", "learning_rate", "seconds"}
        assert all(map(math.isfinite, row.values()))
    assert (history.dtype, history.device, history.threads) == ("float32", "cpu", 1)
    assert history.rows[-1]["seconds"] == pytest.approx(history.seconds)


def test_progress_counts_every_step_once(digits):
    seen: list[Progress] = []
    fit(started(), Batches(digits, RULE), Reconstruction(), FitConfig(epochs=2, batch_size=100), on_progress=seen.append)
    assert [progress.done for progress in seen if progress.row is None] == [1, 2, 3, 4, 5, 6]
    assert {progress.total for progress in seen} == {6}
    assert [progress.row["epoch"] for progress in seen if progress.row] == [1, 2]


def test_a_long_run_validates_only_so_often(digits):
    _, history = trained(digits.take(range(10)), validation=digits.take(range(5)), epochs=250)
    assert len(history.rows) <= 126
    assert history.rows[-1]["epoch"] == 250


def test_without_averaging_the_last_weights_are_kept(digits):
    assert not same(trained(digits, ema=0.0)[0], trained(digits, ema=0.99)[0])


def test_the_model_is_left_ready_to_judge(digits):
    assert not trained(digits)[0].training


@pytest.mark.parametrize("settings", [{"optimizer": "sgd", "learning_rate": 100.0, "gradient_clip": 0.0}, {"dtype": "bfloat16"}])
def test_a_loss_that_explodes_is_said_with_advice(digits, settings):
    settings = {"optimizer": "sgd", "learning_rate": 100.0, "gradient_clip": 0.0, "schedule": "constant", **settings}
    with pytest.raises(TrainingDiverged, match=r"in epoch \d+\. Lower the learning rate, for example --set learning_rate=3e\+01"):
        trained(digits, Reconstruction(), epochs=30, **settings)


def test_no_image_is_too_few(digits):
    with pytest.raises(TooFewImages, match="at least one image to train on"):
        trained(digits.take([]))


def test_one_image_is_enough(digits):
    assert all(torch.isfinite(value).all() for value in trained(digits.take([0]))[0].parameters())


@pytest.mark.parametrize(("images", "sizes"), [(130, [65, 65]), (129, [65, 64]), (128, [128]), (5, [5])])
def test_the_batches_of_an_epoch_are_as_equal_as_can_be(digits, images, sizes):
    seen = []

    class Counting(Reconstruction):
        def losses(self, model: Model, batch: Batch) -> Iterator[Loss]:
            seen.append(len(batch.x))
            return super().losses(model, batch)

    model = create_model("bottleneck", (8, 8, 1), latent=4, width=4)
    fit(model, Batches(digits.take(range(images)), RULE), Counting(), FitConfig(epochs=1, batch_size=128, dtype="float32"))
    assert seen == sizes
