"""Where transformers' own pooling reads another token than the model was trained on, rmaudit does not.

Each test first shows the plain call going wrong, by more than rounding explains, and then what rmaudit gives instead.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, Gemma3Config

from rmaudit.errors import FormattingError, UnsupportedModelError
from rmaudit.models import RewardModel, load_reward_model
from tests.models.conftest import Loaded, Saved
from tests.models.plain import (
    ROWS,
    WRONG,
    assert_scores,
    batch,
    called,
    classifier,
    head_of,
    largest,
    one_by_one,
    read_at,
    reference,
    save_classifier,
)
from tests.models.spoiling import reconfigure
from tests.tiny import CONFIGS, UNTRACED

PAD, EOS = 0, 2
IDS = {"vocab_size": 279, "pad_token_id": PAD, "bos_token_id": 1, "eos_token_id": EOS}
ABSOLUTE: dict[str, dict[str, Any]] = {
    **{family: CONFIGS[family] for family in ("gpt2", "gpt_neo", "gpt_bigcode")},
    "openai-gpt": CONFIGS["gpt2"],
    "ctrl": UNTRACED["ctrl"],
    "biogpt": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
    },
}
#: The EOS token stands at the end of the text alone.
LINES = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
ANSWERS = ("Green.", "Blue, I think.")
PAIR = [[{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": answer}] for answer in ANSWERS]


def encoded(rm: RewardModel) -> list[tuple[int, ...]]:
    return [rm.encode(conversation).ids for conversation in PAIR]


def before_first_pad(ids: Tensor, pad: int) -> list[int]:
    """The places that transformers 4.32 to 4.48 read in a batch."""
    return ((ids.eq(pad).int().argmax(-1) - 1) % ids.shape[-1]).tolist()


def as_many_as_real(ids: Tensor, pad: int) -> list[int]:
    """The places that transformers up to 4.31 read in a batch."""
    return (ids.ne(pad).sum(-1) - 1).tolist()


@pytest.mark.parametrize("family", ABSOLUTE)
def test_padding_on_the_left_shifts_absolute_positions(tmp_path: Path, family: str) -> None:
    folder = save_classifier(tmp_path, AutoConfig.for_model(family, **{**ABSOLUTE[family], **IDS}))
    model = classifier(folder)
    alone = reference(model, folder, ROWS)
    assert largest(one_by_one(model, ROWS), alone) < 1e-5
    assert largest(called(model, **batch(ROWS, PAD)), alone) < 1e-5
    assert largest(called(model, **batch(ROWS, PAD, "left")), alone) > WRONG
    assert_scores(load_reward_model(folder), ROWS, alone)


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom", "opt"])
def test_padding_on_the_left_without_a_mask_is_read_as_text(saved: Saved, loaded: Loaded, family: str) -> None:
    model = classifier(saved(family))
    alone = reference(model, saved(family), ROWS)
    assert largest(called(model, input_ids=batch(ROWS, PAD, "left")["input_ids"]), alone) > WRONG
    assert_scores(loaded(family), ROWS, alone)


@pytest.mark.parametrize("family", ["llama", "gpt2", "bloom"])
def test_embeddings_are_read_in_the_last_column(saved: Saved, loaded: Loaded, family: str) -> None:
    """Ours are read where the ids are, which is what attribution rests on."""
    model, rm = classifier(saved(family)), loaded(family)
    inputs = batch(ROWS, PAD)
    mask, ids = inputs["attention_mask"], inputs["input_ids"]
    alone = reference(model, saved(family), ROWS)
    vectors = model.get_input_embeddings()(ids).detach()
    assert largest(called(model, inputs_embeds=vectors, attention_mask=mask), alone) > WRONG
    with torch.no_grad():
        states = rm.hidden_states(inputs_embeds=rm.backbone.get_input_embeddings()(ids), attention_mask=mask)
    read = [states[place, list(rm.positions(row))] for place, row in enumerate(ROWS)]
    assert largest(rm.scores_of(read), alone) < 1e-5
    assert largest(rm.scores_of(read), rm.score_ids(ROWS)) < 1e-5


def test_an_end_of_text_that_is_padding_too_turns_a_pair_around(tmp_path: Path, saved: Saved) -> None:
    """OpenRLHF trains at the EOS token; transformers takes it for padding, without a batch as well."""
    folder = Path(shutil.copytree(saved("llama", seed=5, pad_is_eos=True, chat_template=LINES), tmp_path / "openrlhf"))
    rm = load_reward_model(reconfigure(folder, value_head_prefix="score"))
    model, ids = classifier(folder), encoded(rm)
    assert [row[-1] for row in ids] == [EOS, EOS]
    trained = reference(model, folder, ids)
    plain = one_by_one(model, ids)
    assert trained[1] - trained[0] > 1 > -1 > plain[1] - plain[0]
    assert largest(called(model, **batch(ids, EOS)), plain) < 1e-5, "no comparison of batches shows it"
    assert (rm.load_report.family, rm.load_report.position) == ("openrlhf", "last token")
    assert_scores(rm, ids, trained)


def test_the_rules_disagree_and_the_report_says_so(saved: Saved, loaded: Loaded) -> None:
    """TRL trains with transformers' pooling, so a classifier is read by that unless the user knows better."""
    folder = saved("llama", pad_is_eos=True)
    rm = loaded("llama", pad_is_eos=True)
    model, ids = classifier(folder), encoded(rm)
    before_the_end = [len(row) - 2 for row in ids]
    assert_scores(rm, ids, reference(model, folder, ids, before_the_end))
    assert largest(rm.score_ids(ids), one_by_one(model, ids)) < 1e-5
    at_the_end = reference(model, folder, ids)
    assert largest(rm.score_ids(ids), at_the_end) > WRONG
    assert_scores(load_reward_model(folder, position="last"), ids, at_the_end)
    [note] = [note for note in rm.load_report.notes if "disagree" in note]
    assert "last reads </s> (1 from the end), last-non-pad reads . (2 from the end)" in note
    assert "--position NAME" in note


def test_the_rule_of_4_32_gives_all_answers_one_score(saved: Saved, loaded: Loaded) -> None:
    """It reads the end of the first turn, where the answer is not seen yet."""
    folder, rm = saved("llama", pad_is_eos=True), loaded("llama", pad_is_eos=True)
    model, ids = classifier(folder), encoded(rm)
    inputs = batch(ids, EOS)
    places = before_first_pad(inputs["input_ids"], EOS)
    old = read_at(model, head_of(folder), inputs, places)
    assert abs(old[0] - old[1]) < 1e-5
    assert places[0] == places[1] < len(ids[0]) - 5
    assert abs(np.diff(rm.score_ids(ids))[0]) > WRONG
    assert_scores(rm, ids, reference(model, folder, ids, [len(row) - 2 for row in ids]))
    assert_scores(load_reward_model(folder, position="before-first-pad"), ids, old)


def test_the_rule_of_4_31_counts(saved: Saved, loaded: Loaded) -> None:
    """As many places as real tokens: too few where EOS ends each turn, the wrong ones with padding on the left."""
    folder, rm = saved("llama", pad_is_eos=True), loaded("llama", pad_is_eos=True)
    model, ids = classifier(folder), encoded(rm)
    alone = reference(model, folder, ids, [len(row) - 2 for row in ids])
    inputs = batch(ids, EOS)
    places = as_many_as_real(inputs["input_ids"], EOS)
    assert [len(row) - place for row, place in zip(ids, places, strict=True)] == [3, 3], "one EOS too early"
    assert largest(read_at(model, head_of(folder), inputs, places), alone) > WRONG
    assert_scores(rm, ids, alone)
    folder, rm = saved("llama"), loaded("llama")
    model = classifier(folder)
    inputs, alone = batch(ROWS, PAD, "left"), reference(model, folder, ROWS)
    left = read_at(model, head_of(folder), inputs, as_many_as_real(inputs["input_ids"], PAD))
    assert largest(left, alone) > WRONG
    assert_scores(rm, ROWS, alone)


def test_a_tokenizer_that_pads_with_another_token(folder: Path) -> None:
    """A score then hangs on the others in its batch."""
    model = classifier(reconfigure(folder, pad_token_id=EOS))
    alone = reference(model, folder, ROWS)
    short, long, longest = ROWS[0], ROWS[1], ROWS[4]
    one, other = (called(model, **batch([short, mate], PAD))[0] for mate in (long, longest))
    assert min(abs(one - alone[0]), abs(other - alone[0]), abs(one - other)) > WRONG
    assert largest(called(model, **batch(ROWS, PAD, "left")), alone) < 1e-5
    rm = load_reward_model(folder)
    assert (rm.load_report.pad_token_id, rm.load_report.config_pad_token_id) == (PAD, EOS)
    told = "config.json names id 2 as the padding token, and the tokenizer pads with id 0; transformers' own pooling"
    assert any(note.startswith(told) for note in rm.load_report.notes)
    assert_scores(rm, ROWS, alone)
    for mate in (long, longest):
        assert largest(rm.score_ids([short, mate], batch_size=2)[:1], alone[:1]) < 1e-5


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_no_padding_token(saved: Saved, loaded: Loaded, family: str) -> None:
    model = classifier(saved(family, pad=False))
    alone = reference(model, saved(family, pad=False), ROWS)
    with pytest.raises(ValueError, match="Cannot handle batch sizes > 1"):
        called(model, **batch(ROWS, PAD))
    ids, mask = batch(ROWS, PAD).values()
    padded_before = called(model, input_ids=ids[:1], attention_mask=mask[:1])
    assert abs(padded_before[0] - alone[0]) > WRONG
    rm = loaded(family, pad=False)
    assert rm.load_report.pad_token_id is rm.load_report.config_pad_token_id is None
    assert_scores(rm, ROWS, alone)


def test_no_padding_token_in_the_configuration_alone(folder: Path) -> None:
    """As of Llama 3: the tokenizer has one, so that texts are padded, and read at their padding."""
    model = classifier(reconfigure(folder, pad_token_id=None))
    alone = reference(model, folder, ROWS)
    one_padded = {name: tensor[:1] for name, tensor in batch(ROWS, PAD).items()}
    assert abs(called(model, **one_padded)[0] - alone[0]) > WRONG
    rm = load_reward_model(folder)
    assert any("config.json names no padding token" in note for note in rm.load_report.notes)
    assert_scores(rm, ROWS, alone)


def test_text_that_ends_in_the_padding_token(tmp_path: Path, saved: Saved) -> None:
    """To transformers three texts are one, as where the unknown token pads; read at the last token they differ."""
    rows = [(*ROWS[0], *[PAD] * count) for count in range(3)]
    model = classifier(saved("llama"))
    np.testing.assert_allclose(one_by_one(model, rows), one_by_one(model, rows[:1]).repeat(3), rtol=0, atol=1e-5)
    ends = reference(model, saved("llama"), rows)
    assert np.abs(np.diff(ends)).min() > WRONG
    assert_scores(load_reward_model(saved("llama"), position="last"), rows, ends)
    folder = Path(shutil.copytree(saved("llama"), tmp_path / "openrlhf"))
    assert_scores(load_reward_model(reconfigure(folder, value_head_prefix="score")), rows, ends)


def test_nothing_but_padding_is_no_text(saved: Saved, loaded: Loaded) -> None:
    model, rm = classifier(saved("llama")), loaded("llama")
    assert np.isfinite(called(model, **batch([ROWS[0], [PAD] * 3], PAD))).all()
    assert np.isfinite(called(model, **batch([ROWS[0], []], PAD))).all()
    with pytest.raises(FormattingError, match="every token is the padding token; there is no position to read"):
        rm.score_ids([ROWS[0], [PAD] * 3])
    with pytest.raises(FormattingError, match="sequence 1 has no token"):
        rm.score_ids([ROWS[0], []])


def test_a_padding_token_that_does_not_exist(folder: Path) -> None:
    """Taken for no token at all, or refused where the table of embeddings has no such row."""
    model = classifier(reconfigure(folder, pad_token_id=-1))
    alone = reference(model, folder, ROWS)
    assert largest(called(model, **batch(ROWS, PAD)), alone) > WRONG
    assert_scores(load_reward_model(folder), ROWS, alone)
    for token in (279, 1000):
        with pytest.raises(AssertionError, match="Padding_idx"):
            classifier(reconfigure(folder, pad_token_id=token))
        with pytest.raises(UnsupportedModelError, match="Padding_idx must be within num_embeddings; check config"):
            load_reward_model(folder)


def test_a_padding_token_set_where_gemma_3_does_not_look(tmp_path: Path) -> None:
    """The multimodal model pools by its text part's settings; the usual repair of the outer ones changes nothing."""
    text = {**CONFIGS["gemma3_text"], **IDS, "pad_token_id": EOS}
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**sizes, "image_size": 28, "patch_size": 14}
    config = Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=275)
    folder = save_classifier(tmp_path, config)
    model = classifier(folder)
    alone = reference(model, folder, ROWS)
    assert not hasattr(model.config, "pad_token_id")
    model.config.pad_token_id = PAD
    assert largest(called(model, **batch(ROWS, PAD)), alone) > WRONG
    model.config.text_config.pad_token_id = PAD
    assert largest(called(model, **batch(ROWS, PAD)), alone) < 1e-5
    rm = load_reward_model(folder)
    assert (rm.load_report.model_type, rm.load_report.config_pad_token_id) == ("gemma3", EOS)
    assert_scores(rm, ROWS, alone)
