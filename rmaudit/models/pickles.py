"""What a .bin file is looked through for before torch reads it.

A pickle is a program. torch runs it with a list of allowed functions, and so no code of the file's own; but the list is
longer than weights need, a refusal there does not say what was asked for, and some programs bring Python itself down.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from pathlib import Path
from typing import IO, Any

from rmaudit.errors import BrokenCheckpointError
from rmaudit.models.listing import shown

#: What torch.save writes for tensors under names, and nothing else.
_ALLOWED = re.compile(
    r"collections OrderedDict|torch\.serialization _get_layout"
    r"|torch\._utils _rebuild_(tensor(_v[23])?|parameter(_with_state)?|sparse_tensor|meta_tensor_no_storage)"
    r"|torch (\w+Storage|Size|bool|u?int\d+|b?float\d\w*|complex\d+)|torch\.storage (Unt|T)ypedStorage"
)
#: The instructions that it writes them with; the others look things up at run time.
_INSTRUCTIONS = frozenset({
    "PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "NEWOBJ", "BUILD", "BINPERSID", "BINGET", "LONG_BINGET", "BINPUT",
    "LONG_BINPUT", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_TUPLE",
    "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1",
    "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING",
})  # fmt: skip
#: A tensor is a tuple of tuples. Hashing one that is nested a million times overruns the stack of the process.
_DEEPEST = 100
#: A model of 100 000 tensors needs half of it.
_LONGEST_PROGRAM = 32_000_000
#: The format before torch 1.6: a number, a version, a system, the tensors, the names of their storages; then bytes.
_LEGACY_PARTS = 5


def check_pickle(file: Path) -> None:
    """Raise BrokenCheckpointError for a .bin file that is more than tensors; any exception for a damaged one."""
    with file.open("rb") as opened:
        start = opened.read(4)
        opened.seek(0)
        if not start:
            raise EOFError("it is empty")
        if start == b"PK\x03\x04":  # as torch tells the two formats apart
            _check_program(file, io.BytesIO(_zipped_program(file)))
            return
        for _ in range(_LEGACY_PARTS):
            _check_program(file, opened)


def _zipped_program(file: Path) -> bytes:
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > file.stat().st_size:
            raise BrokenCheckpointError(
                f"{file}: its parts are larger than the file itself, where torch.save never compresses; "
                "save the model as safetensors"
            )
        programs = [part for part in parts if part.filename.endswith("/data.pkl")]
        if len(programs) != 1:
            raise ValueError(f"{len(programs)} files data.pkl in the archive instead of 1")
        return archive.read(programs[0])


def _check_program(file: Path, stream: IO[bytes]) -> None:
    """Go through the instructions up to the first STOP without carrying them out; of every value keep its depth."""
    depths: list[int] = []
    marks: list[int] = []
    memo: dict[int, int] = {}
    argument: Any
    for count, (instruction, argument, _) in enumerate(pickletools.genops(stream)):
        name, before = instruction.name, instruction.stack_before
        if name not in _INSTRUCTIONS or (name == "GLOBAL" and not _ALLOWED.fullmatch(argument)):
            asked = argument.replace(" ", ".") if name in ("GLOBAL", "INST") else f"the instruction {name}"
            raise _more_than_tensors(file, f"asks for {shown(asked, 80)}")
        if pickletools.markobject in before:
            cut = marks.pop() - before.index(pickletools.markobject)
        else:
            cut = len(depths) - len(before)
        deepest = max(depths[cut:], default=0)
        if name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = depths[-1]
            continue
        del depths[cut:]
        if name == "MARK":
            marks.append(len(depths))
        elif instruction.stack_after:
            depths.append(memo[argument] if "GET" in name else deepest + name.startswith(("TUPLE", "REDUCE")))
        if deepest > _DEEPEST or count > _LONGEST_PROGRAM:
            raise _more_than_tensors(file, f"nests deeper than {_DEEPEST} or takes more than {_LONGEST_PROGRAM} steps")


def _more_than_tensors(file: Path, what: str) -> BrokenCheckpointError:
    return BrokenCheckpointError(
        f"{file}: it {what}, which plain tensors never do, so it may be code; nothing of it was run. "
        "If you trust where it comes from, save the model as safetensors there"
    )
