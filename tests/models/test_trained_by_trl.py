"""A reward model that TRL has trained scores as it did in training, at the position where it was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rmaudit import errors
from rmaudit.models import load_reward_model
from tests.models.trained import Written, preference_pairs, train_with_trl

AS_TRAINED = 1e-5
#: The padding token of the base model that TRL starts from; without one, TRL takes the end-of-sequence token.
PADDING: dict[str, dict[str, bool]] = {
    "pad": {},
    "pad is eos": {"pad_is_eos": True},
    "no pad": {"pad": False},
}
ADAPTERS: dict[str, dict[str, Any] | None] = {"full": None, "adapter": {"task_type": "SEQ_CLS"}}
CASES = [
    (way, padding)
    for way in ADAPTERS
    for padding in PADDING
    if padding != {"full": "no pad", "adapter": "pad is eos"}[way]
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Written]:
    return {
        (way, padding): train_with_trl(tmp_path_factory.mktemp("trl"), adapter=adapter, **options)
        for way, adapter in ADAPTERS.items()
        for padding, options in PADDING.items()
        if (way, padding) in CASES
    }


@pytest.mark.parametrize(("way", "padding"), CASES)
def test_scores_are_those_of_training(way: str, padding: str, trained: dict[tuple[str, str], Written]) -> None:
    """TRL's scores come from a padded batch."""
    written = trained[way, padding]
    rm = load_reward_model(written.folder)
    assert rm.load_report.family == "sequence_classification"
    assert rm.score_ids(written.ids) == pytest.approx(written.scores, abs=AS_TRAINED)
    conversations = [
        [*pair[side]] for side in ("chosen", "rejected") for pair in preference_pairs()[: len(written.ids) // 2]
    ]
    assert [list(rm.encode(conversation).ids) for conversation in conversations] == written.ids
    assert rm.score(conversations) == pytest.approx(written.scores, abs=AS_TRAINED)


@pytest.mark.parametrize("way", ADAPTERS)
def test_a_text_that_ends_in_the_padding_token(way: str, trained: dict[tuple[str, str], Written]) -> None:
    """Training never reads the last token then: its score is that of a position that was not trained."""
    for written in (trained[case] for case in CASES if case[0] == way and case[1] != "pad"):
        rm = load_reward_model(written.folder)
        assert rm.load_report.position == "last token that is not the padding token"
        assert "the rules for where a reward is read disagree" in " ".join(rm.load_report.notes)
        last = load_reward_model(written.folder, position="last")
        assert np.abs(last.score_ids(written.ids) - written.scores).max() > 0.01
    distinct = load_reward_model(trained[way, "pad"].folder)
    assert "the rules for where" not in " ".join(distinct.load_report.notes)


def test_live_layers_too(trained: dict[tuple[str, str], Written]) -> None:
    written = trained["adapter", "pad"]
    live = load_reward_model(written.folder, adapter="live")
    assert live.score_ids(written.ids) == pytest.approx(written.scores, abs=AS_TRAINED)


@pytest.mark.parametrize(
    ("adapter", "error"),
    [({}, errors.MissingRewardHeadError), ({"target_modules": "all-linear"}, errors.UnknownRewardHeadError)],
)
def test_a_head_that_trl_lets_peft_lose(adapter: dict[str, Any], error: type[Exception], tmp_path: Path) -> None:
    written = train_with_trl(tmp_path, steps=1, adapter=adapter)
    with pytest.raises(error, match="train again with task_type SEQ_CLS"):
        load_reward_model(written.folder)
