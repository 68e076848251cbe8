"""SARIF, GitLab, JUnit, reviewdog and JSON lines: what their readers demand of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from reporters.test_formats import LAZY, REPORT, REPORT_PY, ROLLBACK, VIEW, source

from sqla_lint.analysis import InternalError
from sqla_lint.finding import Edit, Fix, Span
from sqla_lint.report import Report
from sqla_lint.reporters import formats, renderer, tells_edits

EDIT = Edit(REPORT_PY.path, Span(2, 23, 2, 23), ".options(selectinload(Owner.pets))")
ELSEWHERE = EDIT._replace(path="/repository/models.py", span=Span(1, 1, 1, 1), content="import x\n")
FIXABLE = LAZY._replace(fix=Fix("safe", "eager-load", "load it", (EDIT, ELSEWHERE)))
BROKEN = replace(REPORT, findings=(ROLLBACK, FIXABLE), errors=(InternalError("/repository/app/x.py", "oops"),))
SCHEMA = json.loads((Path(__file__).parent / "sarif-schema-2.1.0.json").read_text("utf-8"))


def sarif(report: Report) -> Any:
    value = json.loads(renderer("sarif")(report, VIEW))
    jsonschema.validate(value, SCHEMA)
    return value["runs"][0]


def test_all_formats_are_there() -> None:
    assert set(formats()) == {
        "text", "concise", "json", "jsonl", "sarif", "github", "gitlab", "junit", "rdjson",
    }  # fmt: skip
    assert tells_edits("sarif")
    assert not tells_edits("json")


@pytest.mark.parametrize("report", [Report(), REPORT, BROKEN], ids=["empty", "findings", "errors"])
def test_sarif_is_valid(report: Report) -> None:
    run = sarif(report)
    assert len(run["results"]) == len(report.findings)
    assert run["invocations"][0]["executionSuccessful"] == (not report.errors)


def test_sarif() -> None:
    run = sarif(BROKEN)
    result = run["results"][1]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert (rule["id"], rule["name"]) == ("SES401", "lazy-load-in-loop")
    assert "one query" in rule["help"]["text"] or "selectinload" in rule["help"]["text"]
    place = result["locations"][0]
    assert place["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 15, "endLine": 3, "endColumn": 25}
    assert place["logicalLocations"] == [{"fullyQualifiedName": "render", "kind": "function"}]
    assert result["relatedLocations"][0]["message"]["text"] == "loads lazily"
    changes = result["fixes"][0]["artifactChanges"]
    assert [change["artifactLocation"]["uri"] for change in changes] == ["report.py", "../models.py"]
    assert changes[0]["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 23, "endLine": 2, "endColumn": 23},
            "insertedContent": {"text": EDIT.content},
        }
    ]


def test_paths_in_sarif_and_gitlab_are_the_repositorys(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    report = Report((LAZY._replace(path=str(tmp_path / "an app" / "é%.py")),))
    uri = sarif(report)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "an%20app/%C3%A9%25.py"
    issue = json.loads(renderer("gitlab")(report, VIEW))[0]
    assert issue["location"]["path"] == "an app/é%.py"


def test_a_file_name_that_is_not_utf8_is_told() -> None:
    report = Report((LAZY._replace(path="/repository/app/\udce9.py"),))
    for name in formats():
        assert "SES401" in renderer(name)(report, VIEW)
    assert "%E9.py" in renderer("sarif")(report, VIEW)


def test_gitlab_fingerprints_outlive_moved_lines() -> None:
    twice = replace(REPORT, findings=(LAZY, LAZY))
    issues = json.loads(renderer("gitlab")(twice, VIEW))
    assert len({issue["fingerprint"] for issue in issues}) == 2
    lower = source(REPORT_PY.path, "\n" + REPORT_PY.text)
    moved = Report((LAZY._replace(span=Span(4, 15, 4, 25)),), sources={lower.path: lower})
    assert json.loads(renderer("gitlab")(moved, VIEW))[0]["fingerprint"] == issues[0]["fingerprint"]
    assert {issue["severity"] for issue in json.loads(renderer("gitlab")(BROKEN, VIEW))} == {
        "blocker", "major", "minor",
    }  # fmt: skip


def test_junit() -> None:
    odd = ROLLBACK._replace(message='a < b & \x00 "c"', path="/repository/app/x.py")
    root = ElementTree.fromstring(renderer("junit")(replace(BROKEN, findings=(odd,)), VIEW))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "1", "1")
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("message") == 'a < b & ␀ "c"'
    clean = ElementTree.fromstring(renderer("junit")(Report(files=("/repository/app/a.py",)), VIEW))
    assert [case.get("name") for case in clean.iter("testcase")] == ["no findings"]


def test_rdjson_counts_bytes() -> None:
    wide = source(REPORT_PY.path, "é = '日本'; owner.pets\n")
    finding = LAZY._replace(span=Span(1, 11, 1, 21), related=(), fix=Fix("safe", "eager-load", "x", (EDIT,)))
    value = json.loads(renderer("rdjson")(Report((finding,), sources={wide.path: wide}), VIEW))
    (diagnostic,) = value["diagnostics"]
    assert diagnostic["location"] == {
        "path": "report.py",
        "range": {"start": {"line": 1, "column": 16}, "end": {"line": 1, "column": 26}},
    }
    assert diagnostic["suggestions"][0]["text"] == EDIT.content
    assert (diagnostic["severity"], diagnostic["code"]["value"]) == ("WARNING", "SES401")
    assert "suggestions" not in json.loads(renderer("rdjson")(BROKEN, VIEW))["diagnostics"][1]


def test_json_lines() -> None:
    lines = renderer("jsonl")(REPORT, VIEW).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(renderer("json")(REPORT, VIEW))["findings"]
