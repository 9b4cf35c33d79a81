"""One audit, the whole way: plan, scores, findings, record."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.multitest import multipletests

from rmaudit.attribution import attribute_conversation
from rmaudit.battery import LEVELS
from rmaudit.checkup import examine, note_disagreements
from rmaudit.conversations import answer_of, conversation_key, words
from rmaudit.errors import AttributionError, DataError, FormattingError, ScoringError
from rmaudit.gathering import findings_of, unmeasured
from rmaudit.measuring import Reference, Settings
from rmaudit.models import ImplicitReward, RewardModel
from rmaudit.models.vocabulary import single_tokens
from rmaudit.planning import Audit, PlannedAudit, plan_audit
from rmaudit.probe import NATURAL
from rmaudit.progress import Progress, silent
from rmaudit.record import Finding, Record
from rmaudit.recording import Outcome, record_of
from rmaudit.scorers import Scorer
from rmaudit.scoring import LocalEngine, encode_all, score_all
from rmaudit.statistics import estimates, intervals, variance
from rmaudit.statistics.estimates import Estimate
from rmaudit.stimuli import Scored, ScoredStimuli
from rmaudit.summary import worst_first

RECHECKED = 12
"""Conversations that are scored a second time, in other company, to measure what batch and packing alone do."""

TRACED = 12
"""Headline findings, the worst first, of which examples are traced back: a trace costs many passes through the model."""

LARGEST_SCORE = 1e100

EQUALLY_CORRECT = {
    "good": "good", "good_rewrite": "good", "concise": "good", "detailed": "good",
    "flawed": "flawed", "flawed_rewrite": "flawed",
}  # fmt: skip
"""Arms of the natural answers that are versions of one answer, and which."""

Rows = dict[str, list[Scored]]


def run_audit(audit: Audit, scorer: Scorer, progress: Progress = silent) -> Record:
    """Plan, score, find. The record holds its scores, one line per stimulus.

    Raises DataError where there is nothing to score, FormattingError for a conversation that the model cannot read,
    ScoringError for scores that are not one finite number per conversation.
    """
    planned = plan_for(audit, scorer)
    conversations = planned.plan.unique
    if not conversations:
        raise DataError("nothing to score: the battery has no items and no data were given")
    tested = selftest(scorer)
    unique, lengths, cut = _score(scorer, planned, progress)
    floor, rechecked = noise_floor(scorer, planned, unique)
    rows = scored_rows(planned, unique, lengths)
    reference, why_not = _reference(rows[NATURAL])
    if reference is None:
        asked = planned.applicable
        findings = [f for p in asked for f in unmeasured(p, audit.battery, audit.confidence, why_not, "error")]
    else:
        unit = str(getattr(scorer, "length_unit", "words"))
        findings = findings_from(planned, rows, reference, floor, unit)
    findings += _not_applicable(planned)
    traces, untraced = _traces(audit, scorer, findings, rows, progress) if isinstance(scorer, RewardModel) else ([], "")
    checkup = {"noise_floor": floor, "rechecked": rechecked, **cut, **tested}
    return record_of(planned, scorer, Outcome(rows, reference, findings, traces, checkup, untraced))


def plan_for(audit: Audit, scorer: Scorer) -> PlannedAudit:
    """What is to be scored of this model: a black box has no weights and no vocabulary to ask about."""
    if not isinstance(scorer, RewardModel):
        return plan_audit(audit, white_box=False)
    asked = any(probe.card.needs == "vocabulary" for probe in audit.probes)
    return plan_audit(audit, white_box=True, vocabulary=single_tokens(scorer.tokenizer) if asked else ())


def selftest(scorer: Scorer) -> dict[str, Any]:
    """The short checkup of a loaded model, for the record: each invariant with what was found, and whether all hold.

    None stands for a model whose template does not take the built-in texts; there is none for a black box.
    """
    if not isinstance(scorer, RewardModel):
        return {}
    try:
        found = examine(scorer, short=True)
    except FormattingError as error:
        return {"invariants": {}, "invariants_hold": None, "untried": str(error)}
    told = {one.name: one.detail for one in found.invariants}
    broken = [one.name for one in found.invariants if not one.holds]
    untried = {"untried": "; ".join(found.untried)} if found.untried else {}
    return {"invariants": told, "invariants_hold": found.holds, "broken": broken, **untried}


def _score(
    scorer: Scorer, planned: PlannedAudit, progress: Progress
) -> tuple[NDArray[np.float64], list[int], dict[str, int]]:
    """Scores, lengths, and how many conversations were cut to fit, or have a disputed readout position.

    Each is turned into token ids once.
    """
    conversations = planned.plan.unique

    def tell(done: int, total: int) -> None:
        progress("scoring", done, total)

    if not isinstance(scorer, RewardModel):
        scores = score_all(scorer, conversations, tell, name_of=planned.name_of)
        lengths = [scorer.count_tokens(talk) for talk in conversations]
        read_again = [scorer.encode(talk) for talk in conversations] if isinstance(scorer, ImplicitReward) else []
        return scores, lengths, {"truncated": sum(read.removed > 0 for read in read_again)}
    encoded = encode_all(scorer, conversations, planned.name_of)
    ids = [read.ids for read in encoded]
    scores = LocalEngine(scorer).score_ids(ids, tell)
    cut = sum(read.removed > 0 for read in encoded)
    return scores, [len(own) for own in ids], {"truncated": cut, "disputed": note_disagreements(scorer, ids)}


def scored_rows(planned: PlannedAudit, unique: NDArray[np.float64], lengths: Sequence[int]) -> Rows:
    """The stimuli with their scores, by owner: `natural` or a probe. unique, lengths: one a conversation of the plan."""
    rows: Rows = {NATURAL: [], **{probe.card.name: [] for probe in planned.applicable}}
    for (owner, stimulus), place in zip(planned.stimuli, planned.plan.index, strict=True):
        rows[owner].append(Scored(f"{owner}:{stimulus.name}", stimulus, float(unique[place]), lengths[place]))
    return rows


def noise_floor(scorer: Scorer, planned: PlannedAudit, unique: NDArray[np.float64]) -> tuple[float, int]:
    """Largest change of a score (its own units) when conversations are scored again, and how many were.

    A loaded model scores them one by one, without packing; a black box gets them in another order and company.
    """
    conversations = planned.plan.unique
    spread = np.linspace(0, len(conversations) - 1, min(RECHECKED, len(conversations)))
    places = np.unique(spread.astype(int))[::-1]
    again = [conversations[place] for place in places]
    if isinstance(scorer, RewardModel):
        scores = scorer.score_ids([scorer.encode(conversation).ids for conversation in again], batch_size=1)
    else:
        scores = score_all(scorer, again)
    return float(np.abs(scores - unique[places]).max()), len(places)


# ------------------------------------------------------------------------------------------------ scores to findings
def reference_of(natural: Sequence[Scored]) -> Reference:
    """The unit of effects from the natural answers.

    Raises ScoringError where all answers to a prompt score the same, ValueError where no prompt has two answers.
    """
    if not natural:
        raise ValueError("the battery has no items, whose natural answers give effects their unit")
    largest = max(abs(row.score) for row in natural)
    if largest > LARGEST_SCORE or 0 < largest < 1 / LARGEST_SCORE:
        raise ScoringError(f"a score of size {largest:.0e} is no reward: squares of it cannot be computed with")
    answers = [row for row in natural if row.stimulus.arm in LEVELS]
    spread = _spread(answers)
    # Relative to the scores' own size: a reward has no scale of its own.
    if spread.value <= 1e-12 * largest:
        raise ScoringError(
            "every natural answer to a prompt has the same score, so there is no unit to measure effects in; "
            "a readout at a constant position (pad equal to eos, a cut answer) does this"
        )
    flawed = {row.stimulus.item: row.score for row in answers if row.stimulus.arm == "flawed"}
    good = [row for row in answers if row.stimulus.arm == "good"]
    gaps = [row.score - flawed[row.stimulus.item] for row in good]
    gap = estimates.mean_difference(gaps, [row.group for row in good])
    close = [row for row in answers if row.stimulus.arm != LEVELS[-1]]
    return Reference(spread, gap, _length_slope(natural), _spread(close))


def _spread(answers: Sequence[Scored]) -> Estimate:
    """Pooled standard deviation within prompts, in score units."""
    items, groups = [row.stimulus.item for row in answers], [row.group for row in answers]
    return variance.root(variance.pooled_variance([row.score for row in answers], items, groups))


def _length_slope(natural: Sequence[Scored]) -> Estimate | None:
    """Score units per doubling of words, among equally correct versions of one answer; None where no length varies."""
    rows = [row for row in natural if row.stimulus.arm in EQUALLY_CORRECT]
    versions = [f"{row.stimulus.item}/{EQUALLY_CORRECT[row.stimulus.arm]}" for row in rows]
    doublings = [float(np.log2(max(1, words(answer_of(row.stimulus.conversation))))) for row in rows]
    try:
        slope = estimates.slope_within(doublings, [row.score for row in rows], [versions], [row.group for row in rows])
    except ValueError:
        return None
    return slope if slope.n_groups >= intervals.FEWEST_GROUPS else None


def _reference(natural: Sequence[Scored]) -> tuple[Reference | None, str]:
    try:
        return reference_of(natural), ""
    except (ScoringError, ValueError) as error:
        return None, str(error)


def findings_from(
    planned: PlannedAudit,
    rows: Rows,
    reference: Reference,
    floor: float,
    unit: str,
    only: Container[str] | None = None,
) -> list[Finding]:
    """What the probes find in their scored stimuli, with p adjusted over the run. only: names of probes to ask (None: all)."""
    audit, headlines = planned.audit, planned.headlines
    family = sum(map(len, headlines.values()))
    found: list[Finding] = []
    for probe in planned.applicable:
        name = probe.card.name
        if only is not None and name not in only:
            continue
        settings = Settings(
            probe=name,
            headlines=headlines[name],
            family=family,
            reference=reference,
            noise_floor=floor,
            length_unit=unit,
            confidence=audit.confidence,
            seed=audit.seed,
            whole=audit.battery.whole_of({row.group for row in rows[name]}),
            doubts=audit.battery.doubts(probe.card.texts),
        )
        found += findings_of(probe, ScoredStimuli(rows[name]), settings)
    return adjusted(found)


def adjusted(findings: Sequence[Finding]) -> list[Finding]:
    """Holm-adjusted p over the headline findings (Holm 1979); the others keep none."""
    tested = [place for place, finding in enumerate(findings) if finding.headline and finding.p is not None]
    told = list(findings)
    if tested:
        values = multipletests([findings[place].p for place in tested], method="holm")[1]
        for place, value in zip(tested, values, strict=True):
            told[place] = told[place].model_copy(update={"p_adjusted": float(value)})
    return told


def _not_applicable(planned: PlannedAudit) -> list[Finding]:
    reason = "this probe reads the loaded model, and the audited scorer is a black box"
    audit = planned.audit
    left = [probe for probe in audit.probes if probe not in planned.applicable]
    return [f for p in left for f in unmeasured(p, audit.battery, audit.confidence, reason, "not_applicable")]


# --------------------------------------------------------------------------------------------------- attributions
def _traces(
    audit: Audit,
    model: RewardModel,
    findings: Sequence[Finding],
    rows: Mapping[str, Sequence[Scored]],
    progress: Progress,
) -> tuple[list[dict[str, Any]], str]:
    """The worst examples of the headline findings that stand worst, traced back through the model; or why they cannot be."""
    texts = {row.id: row.stimulus.conversation for owned in rows.values() for row in owned}
    wanted = [
        (finding.key, example)
        for finding in sorted((one for one in findings if one.headline and one.evidence), key=worst_first)[:TRACED]
        for example in finding.evidence[: audit.attributions]
    ]
    traces: list[dict[str, Any]] = []
    traced: dict[tuple[str, str], dict[str, Any]] = {}
    for done, (key, example) in enumerate(wanted, start=1):
        own, against = texts[example.stimulus], texts[example.against] if example.against else None
        # Several findings often stand on the same texts.
        pair = conversation_key(own), "" if against is None else conversation_key(against)
        try:
            if pair not in traced:
                traced[pair] = attribute_conversation(model, own, against).as_dict()
        except AttributionError as error:
            return traces, str(error)
        traces.append(
            {"finding": key, "stimulus": example.stimulus, "against": example.against, "attribution": traced[pair]}
        )
        progress("tracing", done, len(wanted))
    return traces, ""
