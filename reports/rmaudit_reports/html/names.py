"""Ids inside the page, made of safe characters only."""

from __future__ import annotations

import hashlib
import re

from rmaudit.record import Finding


def slug(text: str) -> str:
    """A safe id; where characters had to go, a short hash keeps different names apart."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48]
    if re.fullmatch(r"[a-z0-9_.\-]{1,48}", text):
        return plain or "x"
    return f"{plain}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}".strip("-")


def title_of(finding: Finding) -> str:
    """The title, with the data set where it is not the battery: one metric may stand for many files."""
    return f"{finding.title} \u00b7 {finding.dataset}" if finding.dataset else finding.title


def probe_id(probe: str) -> str:
    """The id of a probe's card."""
    return f"probe-{slug(probe)}"


def finding_id(finding: Finding) -> str:
    """The id of a finding inside its card."""
    return f"finding-{slug(finding.key)}"
