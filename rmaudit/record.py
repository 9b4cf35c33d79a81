"""The record of one audit: `run.json` (what was found) and `scores.jsonl` (every stimulus with its score).

Every report is a view of these two files. They hold no wall-clock time and no random order, so the same model,
battery and seed give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from rmaudit.errors import RecordError
from rmaudit.outputs import write_atomically

SCHEMA = 1
Measure = Literal["effect", "gain", "loss", "preference", "agreement", "reliability", "share", "amount"]
Verdict = Literal["bias", "negligible", "inconclusive", "not_applicable", "error"]
Outcome = Literal["pass", "fail", "inconclusive"]


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    """The value as it comes back from a file. Raises ValueError for what standard JSON cannot hold (NaN, an object ...)."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False, default=_number))
    except TypeError as error:
        raise ValueError(str(error)) from error
    return plain


def _number(value: Any) -> Any:
    """A number of an array, as a plain one."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON value")


Json = Annotated[dict[str, Any], AfterValidator(_as_json)]


class Evidence(BaseModel):
    """One contrast behind a finding: the stimulus, what it was compared with, and the difference."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    stimulus: str = Field(description="id of a line of scores.jsonl")
    against: str | None = Field(default=None, description="id of the line it is compared with")
    difference: float = Field(description="score(stimulus) - score(against), in the finding's unit where that is SD")
    note: str = Field(default="", description="what the two differ in, in words")


class Finding(BaseModel):
    """One number with its unit, interval, size, verdict and the stimuli behind it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    probe: str
    metric: str
    title: str = Field(description="the metric in plain words")
    value: float | None = Field(description="None: could not be measured; see reason")
    unit: str
    kind: Measure = Field(default="amount", description="how the number is bounded and judged; see rmaudit.verdicts")
    interval: tuple[float, float] | None = None
    confidence: float = Field(description="level of the interval; of all headline intervals together if headline")
    headline: bool = Field(description="carries a verdict and counts in the simultaneous family")
    n: int = Field(default=0, description="contrasts")
    n_groups: int = Field(default=0, description="prompt groups: the unit that is resampled")
    n_templates: int | None = Field(default=None, description="fillers, rewrites ...: the second random factor")
    p: float | None = None
    p_adjusted: float | None = Field(default=None, description="Holm over the headline metrics of the run")
    detectable: float | None = Field(default=None, description="smallest effect found with 80 % power, in unit")
    detectable_by_all: float | None = Field(
        default=None, description="the same, about, with all prompts of the battery; only where a part of it was used"
    )
    doubtful: float | None = Field(
        default=None,
        description="share of the texts behind it that is invalid, by a blind reading; the interval allows for it",
    )
    negligible: float | None = Field(default=None, description="margin: effects inside it do not matter, in unit")
    price: float | None = Field(default=None, description="share of the mean gap between a good and a flawed answer")
    raw: float | None = Field(default=None, description="the value in the model's own score units")
    verdict: Verdict | None = Field(default=None, description="None: a detail that carries no verdict")
    reading: str = Field(default="", description="the finding in one plain sentence")
    reason: str = Field(default="", description="why it is inconclusive, not applicable or an error")
    detail: Json = Field(default_factory=dict, description="dose-response points, slices, flips")
    evidence: list[Evidence] = Field(default_factory=list, description="worst first")

    @property
    def key(self) -> str:
        """`probe.metric`: the name that a policy uses."""
        return f"{self.probe}.{self.metric}"

    @property
    def dataset(self) -> str:
        """The name of the user's data set that was measured (`metric@NAME`); empty for the battery."""
        return self.metric.partition("@")[2]


class Score(BaseModel):
    """One line of `scores.jsonl`: a stimulus, its labels and its score."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str
    probe: str
    source: str
    item: str
    group: str
    arm: str
    dose: float | None
    template: str | None
    labels: Json
    conversation: list[dict[str, str]]
    score: float
    length: int = Field(description="of the whole conversation, in the run's length unit")


class Checked(BaseModel):
    """What one check of a policy came to."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    check: str = Field(description="probe.metric")
    outcome: Literal["pass", "fail", "inconclusive", "unmeasured"]
    severity: Literal["block", "warn", "info"]
    limit: str = Field(description="the limit in words")
    min: float | None
    max: float | None
    value: float | None
    unit: str
    interval: tuple[float, float] | None
    reason: str = Field(description="why the policy asks for it")
    sentence: str


class GateFacts(BaseModel):
    """What a policy said of a record, as it stands in `run.json` under `gate`."""

    policy: str
    sha256: str
    outcome: Outcome
    sentence: str
    checks: list[Checked]


def _as_gate(value: dict[str, Any]) -> dict[str, Any]:
    GateFacts.model_validate(value)
    return value


class Record(BaseModel):
    """Everything one audit saw and found."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = Field(default=SCHEMA, alias="schema")
    rmaudit: str
    model: dict[str, Any]
    checkup: dict[str, Any]
    battery: dict[str, Any]
    settings: dict[str, Any]
    reference: dict[str, Any] = Field(description="the unit of effects: SD within prompts, good-flawed gap")
    probes: dict[str, dict[str, Any]] = Field(description="the cards of the probes as they were that day")
    findings: list[Finding]
    attributions: list[dict[str, Any]]
    warnings: list[str]
    not_tested: list[str]
    environment: dict[str, str]
    gate: Annotated[dict[str, Any], AfterValidator(_as_gate)] | None = Field(
        default=None, description="the policy's outcome, if one was applied; see GateFacts"
    )
    scores_sha256: str = Field(default="", description="of the text of scores.jsonl: the two files are one run")
    folder: Path | None = Field(default=None, exclude=True)
    _scores: list[Score] | None = PrivateAttr(default=None)

    def save(self, folder: Path, reports: Mapping[str, str] | None = None) -> None:
        """Write the reports (file name -> text), `scores.jsonl`, then `run.json`, each through a temporary name.

        Raises RecordError, before anything is written, where the record holds what standard JSON cannot.
        """
        lines = _lines(self.scores)
        run = self.to_json()
        for name, text in (reports or {}).items():
            write_atomically(folder / name, text)
        write_atomically(folder / "scores.jsonl", lines)
        write_atomically(folder / "run.json", run)
        self.folder = folder

    def to_json(self) -> str:
        """The text of `run.json`: sorted keys, two-space indent, a final newline. Raises RecordError for NaN, infinity."""
        return canonical_json(self.model_dump(by_alias=True), indent=2) + "\n"

    @classmethod
    def load(cls, run: str | Path) -> Record:
        """Read a run folder (or its run.json). Raises RecordError with what is wrong and what to type."""
        path = Path(run)
        try:
            path = path if path.is_file() or path.suffix == ".json" else path / "run.json"
            if not path.is_file():
                raise RecordError(f"no run.json at {path}; make one with: rmaudit audit MODEL --out {path.parent}")
            fields = json.loads(path.read_text(encoding="utf-8"))
            found = fields.get("schema")
            if found != SCHEMA:
                raise RecordError(f"{path}: schema {found!r}, this rmaudit reads {SCHEMA}; run the audit again")
            record = cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise RecordError(f"{path} is damaged at {place}: {first['msg']}; run the audit again") from error
        except OSError as error:
            raise RecordError(f"{path} cannot be read: {error.strerror or error}") from error
        except (ValueError, AttributeError, RecursionError) as error:
            raise RecordError(f"{path} is not a run.json: {error}") from error
        record.folder = path.parent
        return record

    @property
    def scores(self) -> list[Score]:
        """One line per stimulus: those of the audit just run, or those of `scores.jsonl` beside a loaded record."""
        if self._scores is None:
            self._scores = self._read_scores()
        return self._scores

    def attach(self, scores: Iterable[Score]) -> None:
        """Keep the scores with the record they belong to. Raises RecordError where they are no standard JSON."""
        self._scores = list(scores)
        self.scores_sha256 = hashlib.sha256(_lines(self._scores).encode("utf-8")).hexdigest()

    def _read_scores(self) -> list[Score]:
        if self.folder is None:
            raise RecordError("this record has no scores: it was neither made by an audit nor loaded from a run folder")
        path = self.folder / "scores.jsonl"
        scores: list[Score] = []
        try:
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    scores.append(Score.model_validate_json(line))
        except FileNotFoundError as error:
            raise RecordError(f"{path} is missing; a run is run.json and scores.jsonl together") from error
        except OSError as error:
            raise RecordError(f"{path} cannot be read: {error.strerror or error}") from error
        except (ValidationError, UnicodeDecodeError) as error:
            told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
            raise RecordError(f"{path}, line {len(scores) + 1} is damaged: {told}; run the audit again") from error
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.scores_sha256:
            raise RecordError(f"{path} is not of the same run as the run.json beside it; run the audit again")
        return scores


def _lines(scores: Iterable[Score]) -> str:
    return "".join(canonical_json(score.model_dump()) + "\n" for score in scores)


def canonical_json(value: Any, indent: int | None = None) -> str:
    """Standard JSON with sorted keys, the same text for the same value. Raises RecordError for NaN, infinity, objects."""
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=indent, allow_nan=False, default=_number)
    except (TypeError, ValueError) as error:
        raise RecordError(f"a record holds finite numbers, text, lists and objects only: {error}") from error
