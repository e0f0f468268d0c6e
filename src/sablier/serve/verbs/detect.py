"""The verb `detect`: verdicts at a false-alarm rate that the request chooses.

A request with several images is a batch, judged by what the command `detect` judges with. Requests with one image each that
come together are scored in one step.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from sablier.calibration import CONFIDENCE, is_flagged
from sablier.errors import ModelFileError, SablierError
from sablier.images.chunks import chunk_for
from sablier.images.decoding import Entry
from sablier.images.fingerprints import fingerprints
from sablier.images.imageset import ImageSet
from sablier.report.pictures import anomaly_layer
from sablier.serve.models import ServedModel
from sablier.serve.uploads import image_set
from sablier.serve.verbs.base import PICTURES, PNG, ZIP, Answer, NoOptions, Picture, Question, Verb, given
from sablier.tasks.detection.detect import TASK
from sablier.tasks.detection.judge import Judge
from sablier.tasks.detection.regions import RegionRule
from sablier.tasks.detection.result import DetectionResult
from sablier.tasks.detection.summary import DetectionSummary, Summarizer, independent
from sablier.tasks.known_images import WORDS, Recognized, Recognizer
from sablier.typing import Array
from sablier.workflows.detection_outputs import Shown
from sablier.workflows.judging import judge_stream
from sablier.workflows.likeness import unlikeness_words
from sablier.workflows.lots import bound_options


class DetectOptions(NoOptions):
    """The parameters of `detect`."""

    alpha: float = Field(default=0.05, gt=0, lt=1, description="False-alarm rate: the share of good images that may be flagged.")
    fdr: float | None = Field(
        default=None, gt=0, lt=1,
        description="False-discovery rate, in place of alpha: the expected share of good images among the flagged ones.",
    )  # fmt: skip
    reject_alpha: float | None = Field(
        default=None, gt=0, lt=1, description="For a triage: the false-alarm rate of images that are rejected without a person."
    )
    review_alpha: float | None = Field(
        default=None, gt=0, lt=1, description="For a triage: that of images rejected or sent to a person, in place of alpha."
    )
    confidence: float = Field(
        default=CONFIDENCE,
        gt=0,
        lt=1,
        description="Of the bound on good images among the flagged ones of a request with several.",
    )
    regions: bool = Field(default=False, description="Whether flagged images have their regions, in pixels of the image.")
    min_area: float = Field(default=0, ge=0, le=1e12, description="Leave smaller regions out: in pixels of the image.")
    pictures: bool = PICTURES

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.fdr is not None and (self.reject_alpha is not None or self.review_alpha is not None):
            raise ValueError("expected fdr, or reject_alpha and review_alpha, not both")
        if self.review_alpha is not None and self.reject_alpha is None:
            raise ValueError("expected reject_alpha beside review_alpha")
        if self.reject_alpha is not None and self.reject_alpha >= self.level:
            raise ValueError(f"expected reject_alpha below {self.level:g}, the rate of images that a person sees")
        return self

    @property
    def level(self) -> float:
        """The false-alarm rate of images that are not passed."""
        return self.alpha if self.review_alpha is None else self.review_alpha

    @property
    def rates(self) -> tuple[float, float | None]:
        """What a verdict on a single image depends on."""
        return self.level, self.reject_alpha


@dataclass
class DetectState:
    """What judges images, and what a server remembers of them."""

    judge: Judge
    model: ServedModel

    def watch(self, result: DetectionResult) -> None:
        """Let the drift alarm of the server see the verdicts."""
        if self.model.drift is not None:
            with self.model.lock:
                self.model.drift.update(independent(result))

    def recognizer(self) -> Recognizer | None:
        """Return what recognises the images of one request that the model knows, and repeats."""
        return None if self.model.known is None else Recognizer(self.model.known, self.judge.preprocess)


def load(model: ServedModel) -> DetectState:
    """Return what judges images."""
    model.file.expect(TASK, "detector")
    if model.judge is None:
        raise ModelFileError(f"{model.name} judges no images.")
    return DetectState(model.judge, model)


@dataclass
class Rows:
    """Keeps the rows of a batch, with regions and pictures where they are asked for."""

    state: DetectState
    question: Question
    rows: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)

    def append(self, images: ImageSet, dense: ImageSet, result: DetectionResult) -> None:
        """Keep the rows of N images; the arguments are those of `DetectionOutputs.append`."""
        self.question.check()
        self.state.watch(result)
        rows = result.to_table()
        if self.question.drawn or self.question.options.regions:
            maps = result.anomaly_maps
            if maps is None:
                maps = self.state.judge.detect(dense, pictures=True, confidence=None).anomaly_maps
            if maps is None:
                raise ModelFileError("this detector draws no anomaly maps. Ask for verdicts alone.")
            rows = [
                row | self._drawn(row["id"], own, size, result.mark_level)
                for row, own, size in zip(rows, maps, sizes_of(dense), strict=True)
            ]
        self.rows += rows

    def _drawn(self, id: str, anomaly_map: Array, size: tuple[int, int], mark_level: float) -> dict[str, Any]:
        """Keep the picture of a map, and return its regions."""
        if self.question.drawn:
            self.pictures.append(Picture(id, anomaly_layer(anomaly_map)))
        if not self.question.options.regions:
            return {}
        rule = RegionRule(self.question.options.min_area)
        return {"regions": [rule.row(region) for region in rule.found(anomaly_map, size, mark_level)[1]]}

    def close(self, summary: DetectionSummary) -> Shown:
        """Return the rows with what is known at the end of a batch."""
        self.rows = [_ended({**row, "verdict": summary.verdict(row["p_value"])}) for row in self.rows]
        return Shown(self.rows)


def run(state: DetectState, images: ImageSet | None, question: Question) -> Answer:
    """Judge a batch."""
    options: DetectOptions = question.options
    judge, whole = state.judge, given(images)
    words = unlikeness_words(state.model.file, whole)
    summarizer = Summarizer(
        judge, options.level, 0, 0, fdr=options.fdr, reject_alpha=options.reject_alpha, recognizer=state.recognizer(),
        bounds=bound_options(options.confidence), notes=(f"{words[0].upper()}{words[1:]}",) if words else (),
    )  # fmt: skip
    rows = Rows(state, question)
    chunks = whole.chunks(chunk_for(judge.preprocess))
    summary, shown = judge_stream(summarizer, chunks, "the request", rows, lambda count: None)
    return Answer({**summary.to_json(), "detections": shown.rows}, rows.pictures)


def together(state: DetectState, asked: Sequence[tuple[Entry, Question]]) -> list[Answer | Exception]:
    """Judge images of different requests in one step, as far as the requests allow."""
    answers: list[Answer | Exception | None] = [None] * len(asked)
    alike: dict[Any, list[int]] = defaultdict(list)
    for place, (_, question) in enumerate(asked):
        options: DetectOptions = question.options
        alike[options.fdr, options.level, options.reject_alpha, question.drawn or options.regions].append(place)
    for (fdr, *_), places in alike.items():
        chosen = [asked[place] for place in places]
        found = _each(state, chosen) if fdr is not None else _in_one_step(state, chosen)
        for place, answer in zip(places, found, strict=True):
            answers[place] = answer
    return [answer for answer in answers if answer is not None]


def _each(state: DetectState, asked: Sequence[tuple[Entry, Question]]) -> list[Answer | Exception]:
    """Judge each image by itself."""
    answers: list[Answer | Exception] = []
    for entry, question in asked:
        try:
            answers.append(run(state, image_set([entry]), question))
        except SablierError as error:
            answers.append(error)
    return answers


def _in_one_step(state: DetectState, asked: Sequence[tuple[Entry, Question]]) -> list[Answer | Exception]:
    """Judge images at the same rates; where one of them cannot be judged, each by itself."""
    judge, options = state.judge, asked[0][1].options
    drawn = asked[0][1].drawn or options.regions
    try:
        images = image_set([Entry(str(place), None, None, entry.open) for place, (entry, _) in enumerate(asked)])
        dense = images.dense(judge.preprocess)
        if len(dense) < len(asked):
            return _each(state, asked)
        found = judge.scored(dense, drawn)
    except SablierError:
        return _each(state, asked)
    result = judge.judged(dense, found, options.level, reject_alpha=options.reject_alpha, confidence=None)
    if state.model.known is not None:
        known = WORDS[state.model.known.overlap(fingerprints(dense, judge.preprocess))]
        result = replace(result, recognized=Recognized(known, np.full(len(dense), "")))
    answers: list[Answer | Exception] = []
    for place, (entry, question) in enumerate(asked):
        own = replace(result.take(np.array([place])), ids=np.array([entry.id]))
        rows = Rows(state, question)
        rows.append(dense, dense.take([place]), own)
        answers.append(Answer({**own.to_json(), "detections": [_ended(row) for row in rows.rows]}, rows.pictures))
    return answers


def _ended(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with regions where its image is flagged only, as the tables of the command have them."""
    if "regions" in row and not is_flagged(np.array([row["verdict"]]))[0]:
        row["regions"] = []
    return row


def sizes_of(dense: ImageSet) -> list[tuple[int, int]]:
    """Return the original height and width of each image."""
    return [(int(height), int(width)) for height, width in dense.sizes]


DETECT = Verb(
    "detect", "Flag anomalous images at a guaranteed false-alarm rate.", DetectOptions, 1, None, (PNG, ZIP), load, run,
    together=together,
)  # fmt: skip
