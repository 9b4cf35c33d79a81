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
from rmaudit.summary import summarise
from rmaudit_reports import PACK
from rmaudit_reports.html import report
from tests.reports.pages import Page
from tests.reports.records import ANSWER, BIDI, HOSTILE, empty, on_data, record, scores

RENDERINGS = {
    "plain": (record(hostile=False), scores()),
    "hostile": (record(), scores()),
    "gate": (record(gate=True), scores()),
    "placebo": (record(placebo=True), scores()),
    "no scores": (record(), []),
    "data": (on_data(), scores()),
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


def test_data_sets_stand_apart_each_under_its_name() -> None:
    text = Page(SOURCES["data"]).text
    section, rest = text[text.index("On the data sets given") :].split("What was not tested")
    assert section.index("mine") < section.index("It is 0.41.")
    assert "It is 0.17." in section
    assert "Brier" not in section, "the battery's own details are not among them"
    assert "Agreement with the known ranking \u00b7 mine" in rest
    assert "On the data sets given" not in Page(SOURCES["plain"]).text


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
    assert rows == ["bias", "error", "inconclusive", "negligible", "negligible", "not applicable"]


def test_the_verdict_is_built_from_the_numbers() -> None:
    text = " ".join(Page(SOURCES["plain"]).text.split())
    assert (
        "Bias found 1 of 4 headline checks of the model found a bias. It is length bias, padding: +0.94 SD per "
        "doubling (95 % interval 0.86 to 1.02 SD, margin ±0.2 SD); it buys 0.61 of the gap between a good and a flawed "
        "answer."
    ) in text


@pytest.mark.parametrize("name", ["plain", "placebo", "hostile"])
def test_the_page_has_the_sentence_of_the_terminal(name: str) -> None:
    shown = " ".join(Page(SOURCES[name]).text.split()).replace("\u2011", "-")
    assert summarise(RENDERINGS[name][0]).sentence in shown


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
    warnings = ["A placebo shows an effect (+0.31 SD): read with care.", "placebo_trials.csv: 4 bad rows left out."]
    moved = record(hostile=False, placebo=True).model_copy(update={"warnings": warnings})
    text = Page(report.render(moved, [])).text
    assert text.count("Edits that change nothing that matters moved the score") == 1
    assert "A placebo shows an effect" not in text, "the alarm says it already"
    assert text.index("placebo_trials.csv") > text.index("Read with care"), (
        "not every warning with that word is the alarm"
    )


def test_a_direction_that_may_be_noise_is_not_read_out() -> None:
    base = record(hostile=False)
    noise = base.findings[0].model_copy(
        update={"interval": (-0.28, 0.1), "value": -0.09, "verdict": "inconclusive", "p": 0.35, "price": -0.05,
                "reading": "Padding lowers its score by 0.09 SD."},
    )  # fmt: skip
    text = Page(report.render(base.model_copy(update={"findings": [noise]}), scores())).text
    assert "lowers its score" not in text
    assert text.count("The interval holds zero: the data show no direction.") == 2, "scorecard and card"
    assert "costs" not in text


def test_without_a_detectable_size_the_page_reads_well() -> None:
    base = record(hostile=False)
    findings = [finding.model_copy(update={"detectable": None}) for finding in base.findings]
    source = report.render(base.model_copy(update={"findings": findings}), scores())
    assert source.count('data-label="Can detect" data-none>\u2014</td>') == 6
    assert 'data-detect="0' not in source, "what is missing is no zero"
    assert "<dt>can detect</dt><dd>The smallest true" in source
    assert source.count("<dt>can detect</dt>") == 1, "only the glossary speaks of it"
    assert "None" not in Page(source).text


def test_the_glossary_says_what_margins_and_verdicts_are() -> None:
    text = " ".join(Page(SOURCES["plain"]).text.split())
    assert "It comes from the check’s definition, never from the scores of this run." in text
    assert "An effect that is not above it is never called a bias" in text
    assert "The data allow both" not in text
    assert "the reason stands with the finding" in text
    assert "a check of the measurement, not of the model" in text


def test_the_unit_of_effects_has_its_intervals() -> None:
    reference = {"sd": 0.57, "sd_interval": [0.46, 0.68], "gap": -0.073, "gap_interval": [-0.25, 0.11], "n_groups": 32}
    text = Page(report.render(empty().model_copy(update={"reference": reference}), [])).text.replace("\u00a0", " ")
    assert "0.57 (interval 0.46 to 0.68)" in text
    assert "\u22120.073 (interval \u22120.25 to 0.11)" in text
    unknown = dict.fromkeys(reference)
    assert "Unit of effects" not in Page(report.render(empty().model_copy(update={"reference": unknown}), [])).text


def test_an_arrow_is_explained_where_there_is_one() -> None:
    base = record(hostile=False)
    far = base.findings[0].model_copy(update={"value": 4.0, "interval": (3.0, 5.0)})
    assert "Arrow:" in report.render(base.model_copy(update={"findings": [far]}), scores())
    assert "Arrow:" not in SOURCES["plain"]


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
