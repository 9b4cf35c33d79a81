"""The functions a user calls from Python; the command line calls the same ones."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmaudit import checkup as checkups
from rmaudit import registry
from rmaudit.attribution import Attribution, attribute_conversation
from rmaudit.auditing import run_audit
from rmaudit.battery_files import read_battery
from rmaudit.checkup import Checkup
from rmaudit.conversations import Conversation, checked_conversation
from rmaudit.datasets import read_dataset
from rmaudit.errors import AttributionError, PolicyError, UnknownNameError, UsageError
from rmaudit.models import ImplicitReward, RewardModel, load_implicit_reward, load_reward_model
from rmaudit.outputs import check_folder
from rmaudit.planning import PROFILES, Audit
from rmaudit.policy import Gate, Policy, apply_policy, check_names, read_policy
from rmaudit.probe import Probe
from rmaudit.progress import Progress, silent
from rmaudit.record import Record
from rmaudit.scorers import BlackBox, Scorer
from rmaudit.scoring import check_packing, convert_all, encode_all, score_all
from rmaudit.scoring.naming import NameOf, by_number

PAGE = "report.html"
OUTPUTS = ("run.json", "scores.jsonl", PAGE)

Model = str | Path | Scorer | Callable[[list[Conversation]], Any]


def load(model: Model, **options: Any) -> RewardModel | Scorer:
    """A reward model from a folder or hub id; or a callable `list[conversation] -> scores` as a black box.

    options: dtype ("float32"), device ("cpu"), device_map, chat_template, bos_policy ("one", "none", "as-is", "two"),
    truncate ("prompt-left"), max_length, allow_remote_code, and what the files do not tell; see
    `rmaudit.models.load_reward_model`. reference, beta: the reference model of a policy trained by DPO, see
    `rmaudit.models.load_implicit_reward`. Packed scoring is compared with plain scoring once, here. Raises ModelError with
    what was found and what to do.
    """
    if isinstance(model, (str, Path)):
        return _load_checkpoint(str(model), **options)
    if options:
        raise UsageError(f"{', '.join(sorted(options))}: options of a checkpoint, but the model is already loaded")
    if isinstance(model, (RewardModel, BlackBox)):
        return model
    return model if isinstance(model, Scorer) else BlackBox(model)


def _load_checkpoint(
    path: str, *, reference: str | Path | None = None, beta: float | None = None, **options: Any
) -> RewardModel | Scorer:
    if reference is not None:
        return load_implicit_reward(path, reference, **({} if beta is None else {"beta": beta}), **options)
    if beta is not None:
        raise UsageError(
            "beta belongs to an implicit reward; give the reference model too (--reference, reference=...)"
        )
    loaded = load_reward_model(path, **options)
    check_packing(loaded)
    return loaded


def examine(model: str | Path | RewardModel, **options: Any) -> tuple[dict[str, Any], Checkup]:
    """The load report of a model and its checkup: invariants tried, rounding and sensitivities measured.

    Raises UsageError for a black box, whose inside cannot be examined.
    """
    loaded = load(model, **options)
    if not isinstance(loaded, RewardModel):
        raise UsageError(f"{type(loaded).__name__}: only a checkpoint with a reward head can be examined")
    checkup = checkups.examine(loaded)
    return loaded.load_report.as_dict(), checkup


def score(
    model: Model, conversations: Sequence[Conversation], *, name_of: NameOf = by_number, **options: Any
) -> NDArray[np.float64]:
    """Scores (n,) float64, one per conversation, each prefix computed once. A reward has no zero and no unit of its own.

    name_of: what an error calls the conversation at an index.
    """
    checked = convert_all(checked_conversation, conversations, name_of)
    return score_all(load(model, **options), checked, name_of=name_of)


def reading_warnings(scorer: Scorer, conversations: Sequence[Conversation]) -> list[str]:
    """What a reader of these scores should know about what was read, and where."""
    if not isinstance(scorer, (RewardModel, ImplicitReward)):
        return []
    encoded = encode_all(scorer.policy if isinstance(scorer, ImplicitReward) else scorer, conversations)
    told = []
    if cut := sum(read.removed > 0 for read in encoded):
        told.append(f"{cut} of {len(encoded)} conversations were cut from the left of the prompt to fit the model")
    if isinstance(scorer, RewardModel):
        disputed = checkups.note_disagreements(scorer, [read.ids for read in encoded])
        said = f"in {disputed} of {len(encoded)} conversations {scorer.load_report.disagreement}"
        told += [said] if disputed else []
    return told


def attribute(
    model: Model, conversation: Conversation, against: Conversation | None = None, **options: Any
) -> Attribution:
    """Trace one score (or one preference, with `against`) back to head dimensions, layers and tokens.

    Raises AttributionError for a black box: attribution reads the weights.
    """
    loaded = load(model, **options)
    if not isinstance(loaded, RewardModel):
        raise AttributionError(
            "attribution reads the weights of a model; a black box has none to read. Give a checkpoint"
        )
    return attribute_conversation(
        loaded, checked_conversation(conversation), checked_conversation(against) if against is not None else None
    )


def prepare(
    *,
    probes: Iterable[str | Probe] | None = None,
    data: Iterable[str | Path] = (),
    profile: str = "full",
    seed: int = 0,
    limit: int | None = None,
    confidence: float = 0.95,
    battery: str = "core",
    attributions: int = 1,
    command: str = "",
) -> Audit:
    """Check and gather what an audit asks, before any model is loaded. Raises UsageError, DataError."""
    if profile not in PROFILES:
        raise UnknownNameError("profile", profile, PROFILES)
    datasets = [read_dataset(path) for path in data]
    names = [dataset.name for dataset in datasets]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two data files are called {name!r}; rename one, since their metrics bear that name")
    chosen = _probes(probes)
    texts = read_battery(registry.battery_folder(battery), datasets)
    audit = Audit(texts, chosen, seed, confidence, profile, limit, attributions, command, _left_out(chosen))
    return replace(audit, battery=texts.limited(limit or PROFILES[profile], seed))


def _left_out(asked: Sequence[Probe]) -> tuple[str, ...]:
    names = {probe.card.name for probe in asked}
    return tuple(name for name in registry.probe_names() if name not in names)


def _probes(wanted: Iterable[str | Probe] | None) -> list[Probe]:
    if wanted is None:
        return registry.load_probes()
    asked = [wanted] if isinstance(wanted, str) else list(wanted)
    made = [probe for one in asked for probe in ([one] if isinstance(one, Probe) else registry.load_probes([one]))]
    names = [probe.card.name for probe in made]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"the probe {name!r} is asked for twice")
    if not made:
        raise UsageError(f"no probe is asked for; legal: {', '.join(registry.probe_names())}")
    return made


def audit(
    model: Model,
    *,
    out: str | Path | None = None,
    policy: str | Path | None = None,
    progress: Progress = silent,
    load_options: Mapping[str, Any] | None = None,
    **asked: Any,
) -> Record:
    """Audit a model: plan, score, find, and (with `out`) write run.json, scores.jsonl and report.html there.

    asked: probes, data, profile, seed, limit, confidence, battery, attributions; see `prepare`. policy: a TOML file whose
    outcome is put into the record. Raises RmauditError of every kind; a failed audit never replaces an earlier run. A policy
    that cannot be applied to what was found raises PolicyError, with the run kept in `out`.
    """
    what = prepare(**asked)
    limits = _limits(policy, what) if policy is not None else None
    folder = Path(out) if out is not None else None
    if folder is not None:
        check_folder(folder, OUTPUTS)
    record = run_audit(what, load(model, **(load_options or {})), progress)
    if folder is not None:
        # At once: neither a policy nor a report that fails may cost what was scored. A page of an earlier run goes.
        record.save(folder)
        (folder / PAGE).unlink(missing_ok=True)
    try:
        if limits is not None:
            record.gate = apply_policy(limits, record, registry.probe_names()).model_dump()
    except PolicyError as error:
        again = shlex.join(["rmaudit", "gate", str(folder), "--policy", str(policy)])
        kept = f". The run is kept; mend the policy and type: {again}" if folder else ""
        raise PolicyError(f"{policy}: {error}{kept}") from error
    finally:
        if folder is not None:
            record.save(folder, {PAGE: registry.load_report("html").render(record, record.scores)})
    return record


def _limits(policy: str | Path, what: Audit) -> Policy:
    """The policy, as far as it can be checked before anything is scored."""
    limits = read_policy(policy)
    probes = {*registry.probe_names(), *(probe.card.name for probe in what.probes)}
    try:
        check_names(limits, probes, [dataset.name for dataset in what.battery.datasets])
    except PolicyError as error:
        raise PolicyError(f"{policy}: {error}") from error
    return limits


def gate(record: Record | str | Path, policy: str | Path) -> Gate:
    """Apply a policy to a record or a run folder. Raises PolicyError, RecordError."""
    run = record if isinstance(record, Record) else Record.load(record)
    return apply_policy(read_policy(policy), run, registry.probe_names())
