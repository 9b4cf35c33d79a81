"""The checkup finds what is broken, and measures what it claims to measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rmaudit.checkup import Checkup, examine, note_disagreements
from rmaudit.checkup.showing import checkup_text
from rmaudit.checkup.texts import PAIRS
from rmaudit.errors import FormattingError, TooLongError
from rmaudit.models import RewardModel, load_reward_model
from rmaudit.models.positions import Rule
from rmaudit.models.reward_model import RewardModel as Model
from tests.tiny import EOS, TEMPLATE, save_tiny_reward_model


@pytest.fixture
def rm(tmp_path: Path) -> RewardModel:
    return load_reward_model(save_tiny_reward_model(tmp_path / "model"))


def broken(found: Checkup) -> list[str]:
    return [one.name for one in found.invariants if not one.holds]


def test_a_sound_model(rm: RewardModel) -> None:
    found = examine(rm)
    assert found.holds
    assert len(found.invariants) == 8
    assert all(one.largest is None or one.largest <= one.allowed for one in found.invariants)
    assert json.loads(json.dumps(found.as_dict())) == found.as_dict()
    assert "All 8 invariants hold." in checkup_text(rm.load_report.as_dict(), found.as_dict())


def test_the_short_form_tries_the_same_invariants_on_fewer_texts(rm: RewardModel) -> None:
    short, full = examine(rm, short=True), examine(rm)
    assert len(short.invariants) == len(full.invariants)
    assert (short.texts, full.texts) == (6, 12)
    assert short.rounding is None
    assert short.sensitivities == ()


def test_a_score_that_depends_on_its_company_is_noticed(rm: RewardModel, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Model.hidden_states

    def shaky(self: RewardModel, input_ids: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        return plain(self, input_ids, *args, **options) * (1 + 0.01 * len(input_ids))

    monkeypatch.setattr(Model, "hidden_states", shaky)
    found = examine(rm)
    assert {"batches of 3", "batches of 12", "padding on the left", "reversed order"} <= set(broken(found))
    assert "scored again" not in broken(found)
    assert "BROKEN: batches of 3" in checkup_text(rm.load_report.as_dict(), found.as_dict())


def test_a_score_that_does_not_repeat_is_noticed(rm: RewardModel, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(10_000))
    plain = Model.scores_of
    monkeypatch.setattr(Model, "scores_of", lambda self, read: plain(self, read) + 0.001 * next(calls))
    assert "scored again" in broken(examine(rm))


def test_a_readout_in_the_prompt_gives_all_answers_one_score(tmp_path: Path) -> None:
    """Padding equal to EOS, turns that end in EOS, and the rule of older transformers (RLHFlow's issue 49)."""
    folder = save_tiny_reward_model(tmp_path / "model", pad_is_eos=True)
    rm = load_reward_model(folder, position="before-first-pad")
    found = examine(rm)
    assert broken(found) == ["different answers, different scores"]
    told = next(one.detail for one in found.invariants if not one.holds)
    assert "6 of 6 pairs" in told
    assert "where the padding token also ends turns, the answer has no say" in told
    assert "--position NAME" in told
    assert found.disagreements == found.texts == 12
    assert load_reward_model(folder).load_report.notes != []


def test_texts_for_which_the_rules_disagree_are_counted(tmp_path: Path, rm: RewardModel) -> None:
    assert examine(rm, short=True).disagreements == 0
    both = load_reward_model(save_tiny_reward_model(tmp_path / "other", pad_is_eos=True))
    found = examine(both, short=True)
    assert (found.holds, found.disagreements) == (True, 6)
    [note] = [note for note in both.load_report.notes if "disagree" in note]
    assert f"last reads {EOS} (1 from the end)" in note
    assert "last-non-pad reads . (2 from the end)" in note
    assert "This model is read at . (2 from the end)" in note


def test_sensitivities_are_the_differences_of_scores(rm: RewardModel) -> None:
    found = {one.change: one for one in examine(rm).sensitivities}
    assert set(found) == {
        "no BOS token", "one BOS token", "two BOS tokens", "end-of-sequence token added", "line break added",
        "last token taken off", "system prompt added", "generation prompt added",
    }  # fmt: skip
    assert found["one BOS token"].reason == "this is how the model is read"
    ids = [rm.encode(talk).ids for pair in PAIRS for talk in pair]
    plain = rm.score_ids(ids)
    two = rm.score_ids([(1, *sequence) for sequence in ids])
    margins = (two[::2] - two[1::2]) - (plain[::2] - plain[1::2])
    assert found["two BOS tokens"].shift == pytest.approx(float((two - plain).mean()), abs=1e-6)
    assert found["two BOS tokens"].margin == pytest.approx(float(np.abs(margins).max()), abs=1e-6)
    without = rm.score_ids([sequence[1:] for sequence in ids])
    flips = int((np.sign(without[::2] - without[1::2]) != np.sign(plain[::2] - plain[1::2])).sum())
    assert found["no BOS token"].flips == flips
    closed = rm.score_ids([(*sequence, 2) for sequence in ids])
    assert found["end-of-sequence token added"].shift == pytest.approx(float((closed - plain).mean()), abs=1e-6)


def test_a_change_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system turns') }}{% endif %}"
        "<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}"
    )
    rm = load_reward_model(save_tiny_reward_model(tmp_path / "model", chat_template=template))
    found = {one.change: one for one in examine(rm).sensitivities}
    assert "no system turns" in found["system prompt added"].reason
    assert found["generation prompt added"].reason == "the template ignores it"


def test_a_system_turn_that_the_template_ignores(tmp_path: Path) -> None:
    template = "{% for m in messages if m.role != 'system' %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    rm = load_reward_model(save_tiny_reward_model(tmp_path / "model", chat_template=template))
    found = {one.change: one for one in examine(rm).sensitivities}
    assert found["system prompt added"].reason == "the template ignores it"
    assert found["one BOS token"].reason == "this is how the model is read"


SINGLE_TURN = "{% if messages|length > 2 %}{{ raise_exception('one question only') }}{% endif %}" + TEMPLATE


def test_texts_that_do_not_fit_are_left_out_and_told(tmp_path: Path) -> None:
    rm = load_reward_model(save_tiny_reward_model(tmp_path / "model", chat_template=SINGLE_TURN))
    found = examine(rm)
    assert (found.holds, found.texts) == (True, 10)
    [told] = found.untried
    assert told.startswith("'And which of the two is larger than 0.3?': the chat template refuses")
    assert "one question only" in told
    assert json.loads(json.dumps(found.as_dict()))["untried"] == [told]
    assert f"untried {told}" in checkup_text(rm.load_report.as_dict(), found.as_dict())
    assert len(examine(rm, short=True).untried) == 1


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_model_of_few_positions(tmp_path: Path, family: str) -> None:
    """The longest pair that is tried fills them all: what adds a token is said to be too long."""
    rm = load_reward_model(save_tiny_reward_model(tmp_path / "long", family))
    lengths = sorted(max(len(rm.encode(talk).ids) for talk in pair) for pair in PAIRS)
    rm = load_reward_model(save_tiny_reward_model(tmp_path / "model", family, positions=lengths[0]))
    found = examine(rm)
    assert (found.holds, found.texts) == (True, 2)
    assert all("too many" in told for told in found.untried)
    reasons = {one.change: one.reason for one in found.sensitivities}
    assert reasons["line break added"] == f"a text would have {lengths[0] + 1} tokens, the model reads {lengths[0]}"
    with pytest.raises(TooLongError):
        load_reward_model(tmp_path / "model").score([PAIRS[-1][1]])


def test_no_text_that_fits_is_an_error(tmp_path: Path) -> None:
    rm = load_reward_model(save_tiny_reward_model(tmp_path / "model"), max_length=5)
    with pytest.raises(FormattingError, match="none of the checkup's texts can be scored: 'How long .* too many"):
        examine(rm)


def test_half_precision_is_measured(tmp_path: Path) -> None:
    rm = load_reward_model(save_tiny_reward_model(tmp_path / "model"), dtype="bfloat16")
    found = examine(rm)
    assert found.holds
    assert found.rounding is not None
    assert found.rounding.head > 1e-3
    assert found.rounding.ties > 0
    whole = examine(load_reward_model(tmp_path / "model")).rounding
    assert whole is not None
    assert (whole.head, whole.ties) == (0.0, 0)
    assert whole.company < 1e-5


def test_a_rule_without_a_name_is_not_disputed(rm: RewardModel) -> None:
    rm.rule = Rule("first token of the answer", lambda ids: (len(ids) - 2,))
    assert examine(rm, short=True).disagreements == 0


def test_the_load_report_learns_of_a_disagreement_on_any_text(rm: RewardModel) -> None:
    """The padding token occurs in no template here, but in one text."""
    assert rm.load_report.disagreement == ""
    plain = rm.encode(PAIRS[0][0]).ids
    assert note_disagreements(rm, [plain, (*plain, 0), plain]) == 1
    assert "last reads <pad> (1 from the end)" in rm.load_report.disagreement
    assert rm.load_report.disagreement in rm.load_report.notes
    assert note_disagreements(rm, [(*plain, 0)]) == 1
    assert rm.load_report.notes.count(rm.load_report.disagreement) == 1
