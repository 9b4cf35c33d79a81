"""The page as a whole: safe, self-contained, complete, the same every time."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from rmaudit.record import Record, Score
from rmaudit.report import Report
from rmaudit_reports import PACK
from rmaudit_reports.html import report
from tests.reports.pages import Page
from tests.reports.records import ANSWER, BIDI, HOSTILE, empty, record, scores

RENDERINGS = {
    "plain": (record(hostile=False), scores()),
    "hostile": (record(), scores()),
    "gate": (record(gate=True), scores()),
    "placebo": (record(placebo=True), scores()),
    "no scores": (record(), []),
    "empty": (empty(), []),
}
SOURCES = {name: report.render(*arguments) for name, arguments in RENDERINGS.items()}
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> str:
    return SOURCES[request.param]


@pytest.fixture
def page(source: str) -> Page:
    return Page(source)


def test_the_pack_names_a_report() -> None:
    assert PACK == {"html": "rmaudit_reports.html:report"}
    assert isinstance(report, Report)
    assert (report.name, report.suffix) == ("html", ".html")


def test_loads_nothing_from_anywhere(page: Page, source: str) -> None:
    assert page.attributes("src") == []
    assert [value for value in page.attributes("href") if not value.startswith("#")] == []
    assert not {"img", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    own = source.replace(HOSTILE, "")
    assert "url(" not in own
    assert "@import" not in own
    assert "http://" not in own
    assert "https://" not in own


def test_a_policy_allows_the_one_script_by_its_hash(page: Page) -> None:
    (policy,) = [meta["content"] for meta in page.named("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(page.script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    assert len(page.named("script")) == 1


def test_hostile_text_stays_text(page: Page, source: str) -> None:
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "</script><img" not in source
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200b\u202a-\u202e\u2066-\u2069]", source)
    assert page.unclosed == []


def test_hostile_text_is_shown() -> None:
    text = Page(SOURCES["hostile"]).text
    assert f"{HOSTILE} \u27e8U+202E\u27e9gnp.exe\u27e8U+2066\u27e9 \u27e8U+001B\u27e9[31m {{{{ 7*7 }}}}" in text
    assert "{% raw %}" in text
    assert BIDI not in text


def test_same_record_same_bytes() -> None:
    assert report.render(record(), list(reversed(scores()))) == SOURCES["hostile"]


def test_never_waits_for_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from tests.reports.records import record, scores; from rmaudit_reports.html import report;"
        "report.render(record(), scores());"
        "sys.exit(', '.join(sorted({'torch', 'transformers', 'captum', 'scipy', 'pandas'} & set(sys.modules))) or 0)"
    )
    places = os.pathsep.join(str(ROOT / place) for place in ("", "reports"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_headings_are_in_order(page: Page) -> None:
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_ids_are_unique_and_links_lead_somewhere(page: Page) -> None:
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    targets = {value[1:] for value in page.attributes("href") if value.startswith("#")} - {""}
    targets |= {name for value in page.attributes("aria-labelledby") for name in value.split()}
    assert targets <= set(ids)


def test_nothing_is_dropped() -> None:
    text = Page(SOURCES["hostile"]).text
    for finding in record().findings:
        assert finding.reason.replace("\u202e", "\u27e8U+202E\u27e9") in text
        assert finding.title.replace(BIDI, "\u27e8U+202E\u27e9gnp.exe\u27e8U+2066\u27e9") in text
    for line in [*record().warnings, *record().not_tested]:
        assert line in text


@pytest.mark.parametrize("word", ["bias", "negligible", "inconclusive", "not applicable", "error"])
def test_every_verdict_has_its_word_and_shape(word: str) -> None:
    source = SOURCES["hostile"]
    assert re.search(rf'class="tag t-\w+"><span aria-hidden="true">[▲●◆○×]</span>{word}<', source)


def test_worst_comes_first() -> None:
    rows = re.findall(
        r'<tr role="row" data-.*?<span class="tag t-\w+"><span[^>]*>.</span>([\w ]+)</span>',
        SOURCES["plain"],
        re.DOTALL,
    )
    assert rows == ["bias", "inconclusive", "error", "negligible", "negligible", "not applicable"]


def test_the_verdict_is_built_from_the_numbers() -> None:
    text = " ".join(Page(SOURCES["plain"]).text.split())
    assert (
        "Bias found 1 of 5 headline checks shows a bias. It is Padding: sentences that add nothing, +0.94 SD per doubling "
        "(95 % interval 0.86 to 1.02 SD, margin ±0.2 SD); it buys 0.61 of the gap between a good and a flawed answer."
    ) in text


def test_a_policy_decides_where_there_is_one() -> None:
    page = Page(SOURCES["gate"])
    text = " ".join(page.text.split())
    assert "▲ Fail 1 of 3 blocking checks failed. length_bias.padding: 0.94 SD per doubling" in text
    assert "limit at most 0.1 SD" in text
    assert "limit at most 10 %" in text, "a limit on a share is shown in the unit of the value"
    assert "the run did not ask 'style'; run the audit with it" in text
    assert "not in the policy" in text


def test_a_placebo_that_moved_stands_above_the_verdict() -> None:
    source = SOURCES["placebo"]
    assert 0 < source.index("Read this first.") < source.index('aria-label="Verdict"')
    assert "Read this first." not in SOURCES["plain"]
    warned = record(hostile=False).model_copy(update={"warnings": ["A placebo shows an effect (+0.31 SD)."]})
    text = Page(report.render(warned, [])).text
    assert text.count("A placebo shows an effect (+0.31 SD).") == 1


def test_examples_stand_side_by_side_with_what_differs() -> None:
    source = SOURCES["plain"]
    marked = re.findall(r"<mark>(.*?)</mark>", source, re.DOTALL)
    assert any(text.startswith("There are of course many ways") for text in marked)
    assert "number 30" in marked
    assert "no. thirty" in marked
    assert "quite hard" in marked, "prompts that differ are marked too"
    assert source.count('<details class="example"') == 5 + 1 + 1
    assert "1 further example." in source
    assert "at most 5" in source, "the cap is said on the page"


def test_an_example_without_its_text_says_so() -> None:
    text = Page(SOURCES["hostile"]).text
    assert "The text gone:a is not in scores.jsonl, so it cannot be shown." in text


def test_attributions_state_their_error_or_refuse() -> None:
    text = Page(SOURCES["plain"]).text
    assert "completeness error 0.004 (allowed 0.02), 64\u00a0steps; baseline: the same tokens" in text
    assert "integrated gradients did not converge in 256 steps: error 37 % of the difference" in text
    assert "completeness error 2.0\u00a0×\u00a010⁻⁸" in text
    assert "The other 182 dimensions together +0.21." in text


def test_every_figure_has_a_table() -> None:
    source = SOURCES["plain"]
    assert source.count('<svg class="figure"') == source.count("The figure as a table") == 2
    assert source.count('<svg class="partbars"') == source.count("<summary>As a table</summary>") == 4


def test_sizes() -> None:
    assert len(SOURCES["empty"].encode()) < 150_000
    assert len(SOURCES["hostile"].encode()) < 150_000


def test_a_large_record_stays_small() -> None:
    large, lines = _large()
    source = report.render(large, lines)
    assert len(source.encode()) < 1_500_000
    assert "Not shown, but in" in source


def _large() -> tuple[Record, list[Score]]:
    """Forty findings with five examples each, every text 30,000 characters long."""
    base, template = record(hostile=False), scores()[0]
    text = " ".join(f"{ANSWER} {index}" for index in range(280))
    lines, findings = [], []
    for index in range(40):
        pair = [
            template.model_copy(update={"id": f"{index}:{side}", "conversation": [
                {"role": "user", "content": text}, {"role": "assistant", "content": f"{side} {text[::step]}"}]})
            for side, step in (("a", 1), ("b", -1))
        ]  # fmt: skip
        lines += pair
        finding = base.findings[0]
        evidence = [finding.evidence[0].model_copy(update={"stimulus": f"{index}:a", "against": f"{index}:b"})] * 5
        findings.append(finding.model_copy(update={"metric": f"m{index}", "evidence": evidence}))
    return base.model_copy(update={"findings": findings}), lines
