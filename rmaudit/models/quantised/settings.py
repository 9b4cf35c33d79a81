"""What config.json says of a quantisation. Which tensors are quantised, and how, the keys say; this gives numbers only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rmaudit.errors import BrokenCheckpointError
from rmaudit.models.listing import shown

_NAMES = ("quantization_config", "compression_config")


@dataclass(frozen=True)
class Settings:
    """The quantisation as config.json describes it. method: its name for the format; empty where it has none."""

    entries: Mapping[str, Any]
    method: str
    where: str

    @property
    def rounds_activations(self) -> bool:
        """Whether a config group has the library round activations, too."""
        return any(group.get("input_activations") for group in self._groups())

    @property
    def rotates(self) -> bool:
        """Whether weights are stored rotated, to be undone while computing."""
        return bool((self._mapping(self.entries, "transform_config")).get("config_groups"))

    def schemes(self, kind: str) -> list[Scheme]:
        """The config groups with weights of a kind (int, float)."""
        found = [self._mapping(group, "weights") for group in self._groups()]
        return [self._scheme(weights) for weights in found if weights and weights.get("type", "int") == kind]

    def weight_block(self) -> tuple[int, int] | None:
        """Rows and columns that share a scale in fp8 with weight_scale_inv; None where config.json does not say."""
        size = self.entries.get("weight_block_size")
        if size is None:
            return None
        if not (isinstance(size, list) and len(size) == 2 and all(is_count(number) for number in size)):
            raise self._wrong("weight_block_size", size, "two numbers")
        return size[0], size[1]

    def _groups(self) -> list[Mapping[str, Any]]:
        groups = self._mapping(self.entries, "config_groups")
        return [self._mapping(groups, name) for name in groups]

    def _scheme(self, weights: Mapping[str, Any]) -> Scheme:
        bits: Any = weights.get("num_bits")
        size, block = weights.get("group_size"), weights.get("block_structure")
        # As compressed-tensors infers it: -1 stands for a whole row.
        inferred = "tensor" if size is None else "channel" if size == -1 else "group"
        strategy = str(weights.get("strategy") or inferred)
        sizes: Any = {"block": block, "group": [1, size]}.get(strategy, [1, 1])
        sound = isinstance(sizes, list) and len(sizes) == 2 and all(is_count(number) for number in [bits, *sizes])
        if not sound:
            raise self._wrong("weights", dict(weights), "num_bits, strategy and group_size or block_structure")
        return Scheme(bits, strategy, (sizes[0], sizes[1]), bool(weights.get("symmetric", True)))

    def _mapping(self, entries: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = entries.get(name) or {}
        if not isinstance(value, Mapping):
            raise self._wrong(name, value, "an object")
        return value

    def _wrong(self, name: str, value: Any, expected: str) -> BrokenCheckpointError:
        return BrokenCheckpointError(
            f"{self.where}/config.json: {shown(name, 80)} of the quantisation is {shown(value)}; expected {expected}, as the "
            "library writes it"
        )


@dataclass(frozen=True)
class Scheme:
    """How compressed-tensors stored some weights. strategy: what shares a scale; size: of a group, or of a block."""

    bits: int
    strategy: str
    size: tuple[int, int]
    symmetric: bool = True

    @property
    def in_words(self) -> str:
        """What shares a scale."""
        sizes = {"group": f" of {self.size[1]}", "block": f" of {self.size[0]} x {self.size[1]}"}
        return self.strategy + sizes.get(self.strategy, "")

    def block(self, shape: tuple[int, int]) -> tuple[int, int] | None:
        """Rows and columns of a weight that share a scale; None where a weight of that shape cannot be stored so."""
        rows, columns = shape
        if self.strategy == "group":
            return (1, self.size[1]) if columns % self.size[1] == 0 else None
        return {"tensor": (rows, columns), "channel": (1, columns), "block": self.size}.get(self.strategy)


def settings_of(config: Mapping[str, Any], where: str) -> Settings | None:
    """The settings, wherever config.json has them; None where it has none."""
    text = config.get("text_config")
    places = [config, text if isinstance(text, Mapping) else {}]
    found = next((place[name] for place in places for name in _NAMES if place.get(name)), None)
    if found is None:
        return None
    if not isinstance(found, Mapping):
        return Settings({}, shown(found, 80), where)
    method = found.get("quant_method")
    if not method and any(found.get(name) for name in ("load_in_4bit", "load_in_8bit")):
        method = "bitsandbytes"  # which did not always write its name
    return Settings(found, shown(method, 80) if method else "", where)


def is_count(value: Any) -> bool:
    """Whether it is a whole number, at least 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
