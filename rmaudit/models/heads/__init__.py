"""Heads: what maps the backbone's output at the positions that are read to a score."""

from rmaudit.models.heads.gated import GatedHead as GatedHead
from rmaudit.models.heads.head import Head as Head
from rmaudit.models.heads.head import LinearMap as LinearMap
from rmaudit.models.heads.outputs import AffineHead as AffineHead
from rmaudit.models.heads.outputs import LinearHead as LinearHead
from rmaudit.models.heads.outputs import LogitHead as LogitHead
from rmaudit.models.heads.outputs import OutputsHead as OutputsHead
from rmaudit.models.heads.stacked import LayerStack as LayerStack
from rmaudit.models.heads.stacked import MlpHead as MlpHead
from rmaudit.models.heads.steps import AGGREGATES as AGGREGATES
from rmaudit.models.heads.steps import StepHead as StepHead
