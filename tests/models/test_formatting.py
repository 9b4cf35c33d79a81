"""Conversation to ids: one BOS, no generation prompt, nothing cut in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from rmaudit.errors import DataError, FormattingError, MissingChatTemplateError, TooLongError, UsageError
from rmaudit.models import Formatter, load_reward_model
from tests.families.checkpoints import LAYOUTS, save
from tests.models.conftest import Saved
from tests.tiny import BOS, TEMPLATE, save_tiny_tokenizer

CONVERSATION = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
TEXT = "<|user|>Hi</s><|assistant|>Hello.</s>"


def tokenizer(folder: Path, *, chat_template: str | None = TEMPLATE, bos: bool = True) -> PreTrainedTokenizerBase:
    save_tiny_tokenizer(folder, bos=bos, chat_template=chat_template)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.mark.parametrize("template", [TEMPLATE, BOS + TEMPLATE, BOS + BOS + TEMPLATE], ids=["0", "1", "2 written"])
@pytest.mark.parametrize(("policy", "count"), [("one", 1), ("none", 0), ("two", 2)])
def test_bos_policy_whatever_the_template_writes(tmp_path: Path, template: str, policy: str, count: int) -> None:
    formatter = Formatter(tokenizer(tmp_path, chat_template=template), bos_policy=policy)
    assert formatter.tokenizer.decode(formatter.encode(CONVERSATION).ids) == BOS * count + TEXT


@pytest.mark.parametrize("written", [0, 1, 2])
def test_as_is_keeps_what_the_template_writes(tmp_path: Path, written: int) -> None:
    formatter = Formatter(tokenizer(tmp_path, chat_template=BOS * written + TEMPLATE), bos_policy="as-is")
    assert formatter.tokenizer.decode(formatter.encode(CONVERSATION).ids) == BOS * written + TEXT


def test_no_bos_where_the_tokenizer_defines_none(tmp_path: Path) -> None:
    formatter = Formatter(tokenizer(tmp_path, bos=False))
    assert formatter.tokenizer.decode(formatter.encode(CONVERSATION).ids) == TEXT


def test_bos_is_noted_where_it_is_not_one(saved: Saved) -> None:
    none_written = load_reward_model(saved("llama", template_writes_bos=False)).load_report.notes
    assert "the chat template writes 0 BOS tokens (<s>); the model reads 1 (BOS policy 'one')" in none_written
    doubled_by_others = load_reward_model(saved("llama")).load_report.notes
    assert any("read 2 BOS tokens (<s>) and give other scores" in note for note in doubled_by_others)
    assert load_reward_model(saved("llama", bos=False)).load_report.notes == []


def test_no_generation_prompt(tmp_path: Path) -> None:
    formatter = Formatter(tokenizer(tmp_path))
    assert formatter.render(CONVERSATION) == TEXT


def test_missing_template_names_the_options(tmp_path: Path) -> None:
    bare = tokenizer(tmp_path, chat_template=None)
    with pytest.raises(MissingChatTemplateError, match=r"--chat-template FILE, chat_template=\.\.\."):
        Formatter(bare)


def test_a_template_as_text_and_as_file(tmp_path: Path) -> None:
    bare = tokenizer(tmp_path, chat_template=None)
    file = tmp_path / "template.jinja"
    file.write_text(TEMPLATE)
    assert Formatter(bare, chat_template=TEMPLATE).render(CONVERSATION) == TEXT
    assert Formatter(bare, chat_template=file).render(CONVERSATION) == TEXT
    assert Formatter(bare, chat_template=str(file)).render(CONVERSATION) == TEXT
    with pytest.raises(UsageError, match=r"'template\.txt' is no file, and no Jinja template either"):
        Formatter(bare, chat_template="template.txt")


def test_templates_that_are_none(tmp_path: Path) -> None:
    bare = tokenizer(tmp_path, chat_template=None)
    for text in ("x" * 5000, "a\0b", "", 5):
        with pytest.raises(UsageError, match="is no file, and no Jinja template either"):
            Formatter(bare, chat_template=text)
    (tmp_path / "latin.jinja").write_bytes(TEMPLATE.encode() + b"\xff")
    with pytest.raises(UsageError, match=r"latin\.jinja' cannot be read as UTF-8 text.*save it"):
        Formatter(bare, chat_template=tmp_path / "latin.jinja")


QUESTIONS_ONLY = "{% for m in messages %}{% if m.role == 'user' %}<|user|>{{ m.content }}{% endif %}{% endfor %}</s>"
NO_THOUGHTS = "{% for m in messages %}<|{{ m.role }}|>{{ m.content.split('</think>')[-1].strip() }}</s>{% endfor %}"


def test_a_template_that_drops_the_answer(saved: Saved, tmp_path: Path) -> None:
    with pytest.raises(FormattingError, match="writes the same text for different answers"):
        load_reward_model(saved("llama", chat_template=QUESTIONS_ONLY))
    with pytest.raises(FormattingError, match="writes the same text for different answers"):
        Formatter(tokenizer(tmp_path, chat_template=QUESTIONS_ONLY)).encode(CONVERSATION)


def test_an_answer_of_which_the_template_leaves_nothing(saved: Saved) -> None:
    formatter = load_reward_model(saved("llama", chat_template=NO_THOUGHTS)).formatter
    ids = {}
    for answer in ("Hello.", "<think>Greet.</think>Hello.", "\ue000", "\ue001", "\ue000\ue001", "s"):
        ids[answer] = formatter.encode([CONVERSATION[0], {"role": "assistant", "content": answer}]).ids
    assert ids["Hello."] == ids["<think>Greet.</think>Hello."]
    for answer in ("<think>Greet.</think>", "<think>Greet.</think>\n\n", "Hi</think>"):
        for prompt in ("Hi", answer, "Say this: " + answer):
            told = "leaves nothing of the answer .*leave it out, or give the template"
            with pytest.raises(FormattingError, match=told):
                formatter.encode([{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}])


def test_left_out_thoughts_are_noted(saved: Saved) -> None:
    note = "the chat template leaves out <think>...</think> in an answer"
    assert any(note in text for text in load_reward_model(saved("llama", chat_template=NO_THOUGHTS)).load_report.notes)
    assert not any(note in text for text in load_reward_model(saved("llama")).load_report.notes)


def test_a_template_that_refuses_the_mark_is_trusted(tmp_path: Path) -> None:
    """Only what can be compared is compared."""
    picky = "{% if '.' not in messages[-1].content %}{{ raise_exception('a full stop, please') }}{% endif %}" + TEMPLATE
    formatter = Formatter(tokenizer(tmp_path, chat_template=picky))
    assert formatter.tokenizer.decode(formatter.encode(CONVERSATION).ids) == BOS + TEXT


def test_one_more_rendering_a_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of the answer is cheap: the rendering that it compares with is shared by all answers to a prompt."""
    formatter = Formatter(tokenizer(tmp_path))
    rendered: list[object] = []
    plain = formatter._render
    monkeypatch.setattr(formatter, "_render", lambda messages: rendered.append(messages) or plain(messages))
    for answer in "abcdefgh":
        formatter.encode([CONVERSATION[0], {"role": "assistant", "content": answer}])
    assert len(rendered) == 8 + 1


def test_several_templates_without_a_default(tmp_path: Path) -> None:
    several = tokenizer(tmp_path, chat_template=None)
    several.chat_template = {"rag": TEMPLATE, "tool_use": TEMPLATE}
    with pytest.raises(MissingChatTemplateError, match=r"several chat templates \(rag, tool_use\)"):
        Formatter(several)


def test_what_the_template_refuses(tmp_path: Path) -> None:
    template = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turns') }}{% endif %}" + TEMPLATE
    formatter = Formatter(tokenizer(tmp_path, chat_template=template))
    with pytest.raises(FormattingError, match="refuses a conversation of system, user, assistant: no system turns"):
        formatter.encode([{"role": "system", "content": "Be kind."}, *CONVERSATION])


def test_the_date_in_a_template_is_fixed(tmp_path: Path) -> None:
    template = "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    formatter = Formatter(tokenizer(tmp_path, chat_template=template + "{{ date_string }}:" + TEMPLATE))
    assert formatter.render(CONVERSATION) == "26 Jul 2024:" + TEXT


def test_an_empty_answer_is_no_conversation(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the answer to be scored is empty"):
        Formatter(tokenizer(tmp_path)).encode([CONVERSATION[0], {"role": "assistant", "content": " "}])


def test_illegal_options(tmp_path: Path) -> None:
    here = tokenizer(tmp_path)
    with pytest.raises(UsageError, match="unknown BOS policy 'on'; did you mean 'one'"):
        Formatter(here, bos_policy="on")
    with pytest.raises(UsageError, match="unknown truncation 'right'"):
        Formatter(here, truncate="right")
    with pytest.raises(UsageError, match="at least 1 token, got 0"):
        Formatter(here, max_length=0)


LONG = [
    {"role": "user", "content": "0123456789" * 3},
    {"role": "assistant", "content": "Well?"},
    {"role": "user", "content": "abcdefghij"},
    {"role": "assistant", "content": "XYZ XYZ."},
]


def test_too_long_is_an_error_that_counts(tmp_path: Path) -> None:
    count = len(Formatter(tokenizer(tmp_path)).encode(LONG).ids)
    assert Formatter(tokenizer(tmp_path), max_length=count).encode(LONG).removed == 0
    told = rf"has {count} tokens, the model reads {count - 1} \(1 too many\).*prompt-left"
    with pytest.raises(TooLongError, match=told):
        Formatter(tokenizer(tmp_path), max_length=count - 1).encode(LONG)


@pytest.mark.parametrize("template", [TEMPLATE, BOS + TEMPLATE], ids=["BOS added", "BOS written"])
def test_prompt_left_keeps_bos_and_the_answers_turn(tmp_path: Path, template: str) -> None:
    here = tokenizer(tmp_path, chat_template=template)
    whole = Formatter(here).encode(LONG).ids
    turn = here("<|assistant|>XYZ XYZ.</s>", add_special_tokens=False)["input_ids"]
    for length in range(len(turn) + 1, len(whole)):
        encoded = Formatter(here, max_length=length, truncate="prompt-left").encode(LONG)
        assert len(encoded.ids) == length
        assert encoded.removed == len(whole) - length
        assert encoded.ids == (here.bos_token_id, *whole[1 + encoded.removed :])
        assert list(encoded.ids[-len(turn) :]) == turn
    with pytest.raises(TooLongError, match=f"the answer's turn alone has {len(turn)}; an answer is never cut"):
        Formatter(here, max_length=len(turn), truncate="prompt-left").encode(LONG)


IN_THE_PROMPT = (
    "{% for m in messages %}{{ 'USER: ' + m.content + ' ASSISTANT:' if m.role == 'user' else m.content }}{% endfor %}"
)


@pytest.mark.parametrize(
    ("template", "turn"),
    [
        ("[{{ messages|length }} turns] " + TEMPLATE, "</s><|assistant|>XYZ XYZ.</s>"),
        (IN_THE_PROMPT, " ASSISTANT:XYZ XYZ."),
        ("{{ messages[-2].content }}</s>{{ messages[-1].content }}", "</s>XYZ XYZ."),
        ("{% if messages[-1].role == 'user' %}{{ raise_exception('no') }}{% endif %}" + TEMPLATE, "</s><|assistant|>XYZ XYZ.</s>"),
    ],
    ids=["counts turns", "header in the prompt", "no header", "refuses a prompt"],
)  # fmt: skip
def test_prompt_left_keeps_the_header_whatever_the_template_does(tmp_path: Path, template: str, turn: str) -> None:
    """Templates whose text of the prompt alone is not the beginning of the whole text, or holds the answer's header."""
    here = tokenizer(tmp_path, chat_template=template)
    kept = here(turn, add_special_tokens=False)["input_ids"]
    encoded = Formatter(here, max_length=len(kept) + 1, truncate="prompt-left").encode(LONG)
    assert encoded.ids == (here.bos_token_id, *kept)
    with pytest.raises(TooLongError, match=f"turn alone has {len(kept)}; an answer is never cut"):
        Formatter(here, max_length=len(kept), truncate="prompt-left").encode(LONG)


def test_an_answer_without_a_prompt_is_never_cut(tmp_path: Path) -> None:
    formatter = Formatter(tokenizer(tmp_path), max_length=5, truncate="prompt-left")
    with pytest.raises(TooLongError, match="an answer is never cut"):
        formatter.encode(LONG[-1:])


@pytest.mark.parametrize("layout", ["classifier", "openrlhf old", "openrlhf new", "athene", "armo", "judge"])
def test_prompt_left_in_every_family(tmp_path: Path, layout: str) -> None:
    declared = {"judge_tokens": ("Yes", "No")} if layout == "judge" else {}
    folder = save(LAYOUTS[layout], tmp_path)
    whole = load_reward_model(folder, **declared)
    header = {"classifier": "assistant: ", "openrlhf old": "assistant: ", "armo": "assistant<|end_header_id|>\n\n"}
    text = whole.tokenizer.decode(whole.encode(LONG).ids)
    turn = text[text.rindex(header.get(layout, "<|assistant|>") + "XYZ XYZ.") :]
    assert turn.count("<|assistant|>") == {"judge": 2, "openrlhf new": 1, "athene": 1}.get(layout, 0)
    rm, shortest = load_reward_model(folder, truncate="prompt-left", **declared), None
    for length in range(1, len(whole.encode(LONG).ids)):
        rm.formatter.max_length = length
        try:
            ids = rm.encode(LONG).ids
        except TooLongError:
            assert shortest is None
            continue
        shortest = shortest or length
        assert len(ids) == length
        assert ids[0] == rm.tokenizer.bos_token_id
        assert rm.tokenizer.decode(ids).endswith(turn)
    # BOS, and what of the turn before stands in one token with the header, or before it.
    assert shortest is not None
    assert shortest <= len(rm.formatter.tokenize(turn)) + 4


def test_the_limit_is_the_smallest_that_is_known(saved: Saved) -> None:
    folder = saved("llama", positions=64)
    report = load_reward_model(folder).load_report
    assert (report.max_length, report.max_length_from) == (64, "the model's positions")
    report = load_reward_model(folder, max_length=50).load_report
    assert (report.max_length, report.max_length_from) == (50, "the option max_length")
    assert load_reward_model(folder, max_length=1000).load_report.max_length == 64
    assert load_reward_model(saved("bloom")).load_report.max_length is None
