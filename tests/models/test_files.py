"""The files of a checkpoint: damaged, missing, or contradicting each other, they are no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rmaudit import errors
from rmaudit.models import load_reward_model
from tests.models.conftest import Loaded, Saved
from tests.models.spoiling import CONVERSATIONS, Tensors, rewrite, shard, tensors_of

INDEX = "model.safetensors.index.json"
SHARD = "model-00001-of-00002.safetensors"


def relist(folder: Path, **entries: str | None) -> None:
    """Change entries of the index; None removes one."""
    content = json.loads((folder / INDEX).read_text())
    changed = {**content["weight_map"], **{key.replace("__", "."): name for key, name in entries.items()}}
    content["weight_map"] = {key: name for key, name in changed.items() if name is not None}
    (folder / INDEX).write_text(json.dumps(content))


def add_to(file: Path, tensors: Tensors) -> None:
    save_file({**load_file(file), **tensors}, file)


def refused(folder: Path, expected: str) -> None:
    with pytest.raises(errors.BrokenCheckpointError, match=expected):
        load_reward_model(folder)


def test_a_missing_shard(folder: Path) -> None:
    shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(errors.BrokenCheckpointError, match="1 of 2 shards missing: model-00002-of-00002.safetensors"):
        load_reward_model(folder)
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(errors.BrokenCheckpointError, match="shards without model.safetensors.index.json"):
        load_reward_model(folder)


def test_an_index_that_lies(folder: Path) -> None:
    index = shard(folder) / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    content["weight_map"]["model.extra"] = "model-00001-of-00002.safetensors"
    index.write_text(json.dumps(content))
    with pytest.raises(errors.BrokenCheckpointError, match=r"the index promises model\.extra here"):
        load_reward_model(folder)
    content["weight_map"]["model.extra"] = "../../elsewhere.safetensors"
    index.write_text(json.dumps(content))
    with pytest.raises(errors.BrokenCheckpointError, match="not the name of a file beside it"):
        load_reward_model(folder)


@pytest.mark.parametrize("spoil", ["cut", "garbage", "empty", "pointer"])
def test_damaged_safetensors(folder: Path, spoil: str) -> None:
    file = folder / "model.safetensors"
    content = {
        "cut": file.read_bytes()[:-100],
        "garbage": b"\xff" * 1000,
        "empty": b"",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 100\n",
    }[spoil]
    file.write_bytes(content)
    expected = "git-lfs pointer" if spoil == "pointer" else "not a whole safetensors file"
    with pytest.raises(errors.BrokenCheckpointError, match=f"model.safetensors: .*{expected}"):
        load_reward_model(folder)


def test_a_pickle_with_more_than_tensors(folder: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return (Path(folder / "executed").touch, ())

    (folder / "model.safetensors").unlink()
    for content in ({"score.weight": Hostile()}, {"score.weight": "text"}):
        torch.save(content, folder / "pytorch_model.bin")
        with pytest.raises(errors.BrokenCheckpointError, match="save the model as safetensors"):
            load_reward_model(folder)
    assert not (folder / "executed").exists()


def test_folders_without_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.rename(folder / "other.safetensors")
    with pytest.raises(errors.BrokenCheckpointError, match=r"no weights.*the folder holds config\.json, other\."):
        load_reward_model(folder)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(errors.UnsupportedModelError, match="PEFT adapter"):
        load_reward_model(folder)
    (folder / "model-q4.gguf").write_bytes(b"GGUF")
    for path in (folder, folder / "model-q4.gguf"):
        with pytest.raises(errors.UnsupportedModelError, match="GGUF"):
            load_reward_model(path)


@pytest.mark.parametrize("name", ["", ".", "..", "../" + SHARD, 5])
def test_an_index_that_names_no_file(folder: Path, name: Any) -> None:
    relist(shard(folder), model__norm__weight=name)
    refused(folder, r"model\.norm\.weight lies in .*, which is not the name of a file beside it")


def test_a_tensor_that_the_index_does_not_list_is_not_dropped(folder: Path, saved: Saved) -> None:
    """With `score.bias` unlisted, the token classifier would be read as a sequence classifier: another score."""
    tensors = tensors_of(saved("llama", head="token"))
    relist(shard(rewrite(folder, tensors)), score__bias=None)
    refused(folder, r"00002-of-00002\.safetensors: it holds score\.bias, which the index does not list")


def test_a_tensor_in_two_shards(folder: Path, loaded: Loaded) -> None:
    weight = tensors_of(folder)["score.weight"]
    shard(folder)
    add_to(folder / SHARD, {"score.weight": weight})
    assert load_reward_model(folder).score(CONVERSATIONS).tolist() == loaded().score(CONVERSATIONS).tolist()
    assert load_reward_model(folder).fingerprint == loaded().fingerprint
    for other in (weight + 1, weight.bfloat16(), weight[:, :16].contiguous()):
        add_to(folder / SHARD, {"score.weight": other})
        refused(folder, rf"score\.weight lies in {SHARD} and, with other values, in model-00002")


def test_a_value_head_in_two_files(folder: Path, saved: Saved, loaded: Loaded) -> None:
    tensors = tensors_of(saved("llama", head="trl"))
    rewrite(folder, tensors)
    head = {key: tensor for key, tensor in tensors.items() if key.startswith("v_head")}
    save_file(head, folder / "value_head.safetensors")
    expected = loaded("llama", head="trl").score(CONVERSATIONS).tolist()
    assert load_reward_model(folder).score(CONVERSATIONS).tolist() == expected
    torch.save({**head, "v_head.summary.bias": head["v_head.summary.bias"] + 1}, folder / "value_head.bin")
    refused(folder, r"v_head\.summary\.bias lies in .* and, with other values, in value_head\.bin")
    (folder / "value_head.bin").unlink()
    save_file({key: tensor + 1 for key, tensor in head.items()}, folder / "value_head.safetensors")
    refused(folder, r"lies in model\.safetensors and, with other values, in value_head\.safetensors")


def test_a_whole_file_beside_shards(folder: Path, loaded: Loaded) -> None:
    """transformers reads the whole file, other tools the shards: that is fine as long as they are the same."""
    tensors = tensors_of(folder)
    rewrite(shard(folder), tensors)
    rm = load_reward_model(folder)
    read = "model.safetensors was read, as transformers does, and not model.safetensors.index.json beside it"
    assert f"{read}, whose shards hold the same" in rm.load_report.notes
    assert rm.score(CONVERSATIONS).tolist() == loaded().score(CONVERSATIONS).tolist()
    rewrite(folder, {**tensors, "score.weight": tensors["score.weight"] + 1})
    refused(folder, r"are different models: they disagree on score\.weight")
    rewrite(folder, {**tensors, "score.bias": torch.ones(1)})
    refused(folder, r"are different models: they disagree on score\.bias")
    for file in folder.glob("model-*"):
        file.unlink()
    rm = load_reward_model(rewrite(folder, tensors))
    assert f"{read} (2 of its shards are missing)" in rm.load_report.notes


def test_an_index_of_the_whole_file(folder: Path) -> None:
    names = dict.fromkeys(tensors_of(folder), "model.safetensors")
    (folder / INDEX).write_text(json.dumps({"weight_map": names}))
    assert not any("was read" in note for note in load_reward_model(folder).load_report.notes)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"])
def test_an_adapter_beside_the_weights(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"{}")
    with pytest.raises(
        errors.UnsupportedModelError, match=rf"a PEFT adapter \({name}\) beside .*merge it into the base"
    ):
        load_reward_model(folder)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", r"cannot be read as plain tensors \(EOFError"),
        (b"\x80\x02", "cannot be read as plain tensors"),
        (b"junk" * 100, "cannot be read as plain tensors"),
        (b"version https://git-lfs.github.com/spec/v1", "a git-lfs pointer"),
    ],
)
def test_damaged_pickles(folder: Path, content: bytes, expected: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(content)
    refused(folder, f"pytorch_model.bin: .*{expected}")


def test_pickles_of_other_things_than_named_dense_tensors(folder: Path) -> None:
    tensors: dict[Any, Any] = dict(tensors_of(folder))
    (folder / "model.safetensors").unlink()
    for strange, expected in [
        ({5: torch.ones(1)}, r"a tensor \(torch\.strided\) under 5"),
        (
            {"score.weight": tensors["score.weight"].to_sparse()},
            r"a tensor \(torch\.sparse_coo\) under 'score\.weight'",
        ),
        ({"epoch": 3}, "int under 'epoch'"),
    ]:
        torch.save({**tensors, **strange}, folder / "pytorch_model.bin")
        refused(folder, f"expected plain dense tensors under names, found {expected}")
    torch.save([1], folder / "pytorch_model.bin")
    refused(folder, "expected a dictionary of tensors")


@pytest.mark.parametrize(
    "name", ["spiece.model", "qwen.tiktoken", "modeling_x.py", "vocab.json", "tokenizer_extra.json"]
)
def test_the_fingerprint_changes_with_every_file_that_may_change_scores(folder: Path, name: str) -> None:
    before = load_reward_model(folder).fingerprint
    (folder / name).write_bytes(b"{}")
    after = load_reward_model(folder).fingerprint
    (folder / name).write_bytes(b'{"a": 1}')
    assert len({before, after, load_reward_model(folder).fingerprint}) == 3
    (folder / "README.md").write_text("What this is.")
    (folder / name).unlink()
    assert load_reward_model(folder).fingerprint == before
