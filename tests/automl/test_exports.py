"""Machines to take along: a bundle that answers in a bare process as we do, and a report."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from onnxruntime import InferenceSession

from app.formats.machines.reports import report
from app.tabular import reader
from app.tabular.predictor import Predictor
from app.telemetry.metering import in_thread
from resolvers import ids
from tests.automl import learned
from tests.automl.learned import COLOUR, COLOURS, DAYS, SIZE, SIZES, WHEN

LINKS = "query($id: ID!) { machine(id: $id) { trainingNnModel { bundleLink reportLink } } }"


@pytest.fixture
async def links(ask, database, owner):
    machine = await learned.machine(database, owner.id, machine_name="<b>Sizes</b>")
    return (await ask(LINKS, viewer=owner, id=ids.encode(machine)))["machine"]["trainingNnModel"]


async def test_a_bundle_answers_without_us(links, api, tmp_path):
    answer = await api.get(links["bundleLink"])
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["machine.safetensors", "machine.json", "reader.py", "machine.onnx", "README.txt"]
        assert len(InferenceSession(archive.read("machine.onnx")).get_outputs()) == 2
        assert b"machine.onnx answers" in archive.read("README.txt")
        archive.extractall(tmp_path)
    rows = [
        {SIZE: size, COLOUR: colour, WHEN: day}
        for size, colour, day in zip(SIZES[:40], COLOURS[:40], DAYS[:40], strict=True)
    ]
    rows += [{}, {SIZE: 99, COLOUR: "mauve", WHEN: "never"}, {SIZE: None, COLOUR: 2.0}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    # Isolated: no path, no environment, nothing of ours.
    command = [sys.executable, "-I", str(tmp_path / "reader.py"), str(tmp_path / "rows.json")]
    done = await in_thread(subprocess.run, command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    kinds, prices = Predictor.load(learned.learned()).answer(
        [{"0": row.get(SIZE), "1": row.get(COLOUR), "2": row.get(WHEN)} for row in rows]
    )[0]
    assert [each["kind"]["value"] for each in told] == kinds.values
    assert [each["kind"]["probabilities"]["Ja"] for each in told] == pytest.approx(
        [odds[kinds.classes.index("Ja")] for odds in kinds.probabilities], abs=1e-6
    )
    assert [each["price"]["value"] for each in told] == pytest.approx(prices.values, rel=1e-5)
    lows = [each["price"]["interval"][0] for each in told]
    assert lows == pytest.approx([low for low, _ in prices.intervals], rel=1e-5)


async def test_without_the_extra_a_bundle_has_no_onnx(links, api, monkeypatch):
    monkeypatch.setattr("app.services.automl.answering.exports.find_spec", lambda _: None)
    answer = await api.get(links["bundleLink"])
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "machine.onnx" not in archive.namelist()
        assert b"onnx" not in archive.read("README.txt")


def test_the_reader_imports_nothing_of_ours_and_no_more_than_numpy():
    lines = Path(reader.__file__).read_text(encoding="utf-8").splitlines()
    imports = [line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))]
    assert set(imports) - set(sys.stdlib_module_names) == {"numpy"}


async def test_a_report_is_one_page_without_scripts_or_markup_of_others(links, api):
    page = (await api.get(links["reportLink"])).text
    assert page.count('src="data:image/png;base64,iVBOR') == 4  # graphs that suit it, without lines
    assert page.startswith("<!doctype html>")
    assert "&lt;b&gt;Sizes&lt;/b&gt;" in page
    assert "<b>Sizes" not in page
    assert "http" not in page
    assert "<script" not in page


def test_a_report_shows_all_that_was_measured():
    figures = {
        "outputs": [
            {
                "name": "<i>kind",
                "metric": "logLoss",
                "figures": {
                    "rows": 48,
                    "logLoss": 0.25,
                    "accuracy": 0.9,
                    "classes": ["<a>", "b"],
                    "confusion": [[20, 1], [3, 24]],
                    "curves": {"truePositiveRate": [0, 1], "falsePositiveRate": [0, 1], "precision": [1, 0.5]},
                    "calibration": {"bins": [{"confidence": 0.9, "accuracy": 0.8, "rows": 48}]},
                },
                "leaderboard": [{"name": "trees-1", "score": 0.25, "weight": 1.0, "fitS": 0.5, "bytes": 99}],
                "importance": [{"name": "size", "share": 0.75, "spread": 0.01}],
            }
        ],
        "warnings": ["Class x has 1 row."],
    }
    columns = [{"name": "size", "datatype": "FLOAT", "role": "INPUT", "profile": {"mean": 0.5, "distinct": 40}}]
    page = report("Sizes", 3, columns, figures)
    for said in ("Version 3", "Log loss", "0.25", "trees-1", "75.0%", "Confusion", '<td class="number">24</td>'):
        assert said in page
    for said in ("ROC", "Precision and recall", "Calibration", "Class x has 1 row.", "&lt;i&gt;kind", "&lt;a&gt;"):
        assert said in page
    assert page.count("<svg") == 3


async def test_links_are_for_those_who_see_inside(ask, links, api, database, other, owner):
    machine = await learned.machine(database, owner.id, machine_api_solving_is_public=True)
    told = await ask(LINKS, viewer=other, id=ids.encode(machine))
    assert told["machine"]["trainingNnModel"] is None
    assert (await api.get(links["bundleLink"] + "x")).status_code == 403
