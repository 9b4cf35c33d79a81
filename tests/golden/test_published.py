"""Published checkpoints give the scores on their cards. Downloads gigabytes: only with `pytest -m golden`.

The conversation is read from the card itself. Figures: transformers in bfloat16, as reported with the models.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import rmaudit
from rmaudit.conversations import Conversation, conversation

CARDS = [
    ("Skywork/Skywork-Reward-V2-Qwen3-0.6B", (7.875, 0.9453), 0.1),
    ("Skywork/Skywork-Reward-V2-Llama-3.1-8B", (23.0, 3.594), 0.2),
]


def answers_of(card: str) -> list[Conversation]:
    """The two conversations of the card's example, whose code names its texts prompt, response1 and response2."""
    texts = {}
    for name in ("prompt", "response1", "response2"):
        found = re.search(rf'^{name} = (".*")$', card, re.MULTILINE)
        assert found, f"the card has no line {name} = ... any more"
        texts[name] = ast.literal_eval(found.group(1))
    return [conversation(texts["prompt"], texts[answer]) for answer in ("response1", "response2")]


def test_the_example_is_found_in_a_card() -> None:
    card = 'Some text\n```python\nprompt = "How\\nmuch?"\nresponse1 = "9"\nresponse2 = "8 or \\"nine\\""\n```\n'
    asked = answers_of(card)
    assert [turn["content"] for turn in asked[1]] == ["How\nmuch?", '8 or "nine"']


@pytest.mark.golden
@pytest.mark.parametrize(("name", "scores", "within"), CARDS)
def test_scores_of_the_card(name: str, scores: tuple[float, float], within: float) -> None:
    from huggingface_hub import hf_hub_download

    card = Path(hf_hub_download(name, "README.md")).read_text(encoding="utf-8")
    found = rmaudit.score(name, answers_of(card), dtype="bfloat16")
    assert found == pytest.approx(scores, abs=within)
