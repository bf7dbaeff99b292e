"""Nested, long, wide and broken inputs of every format end in a typed refusal, or are read; whoever asked lives on."""

import resource
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import box
from structlog.testing import capture_logs

from app import parsing, pictures
from app.errors import Invalid, Unreadable
from app.formats.frames import reading
from app.formats.labels import label_files
from app.formats.media import ai_results
from app.formats.tables import reading as tables
from app.formats.wildlife import files
from app.gateways.osm import overpass, rawdata
from app.web.graphql.operations.request import Malformed, decode
from tests.fuzz import examples
from tests.parsing import hostile, hostile_frames, hostile_labels, hostile_tables
from tests.parsing.hostile import MIB

AREA = box(12, 46, 12.01, 46.01).wkb
CPU_S = 2
# What the process that asks may need to hand an input over, and to take an answer.
GROWTH_BYTES_MAX = 300 * MIB


async def label_file(content, folder, kind):
    path = folder / "labels"
    path.write_bytes(content)
    arguments = str(path), kind, {}, AREA, str(folder / "passed")
    return await parsing.run(label_files.sift, *arguments, cpu_s_max=CPU_S)


async def wildlife_file(content, folder, kind):
    path = folder / "file"
    path.write_bytes(content)
    arguments = str(path), kind, None, str(folder / "records")
    return await parsing.run(files.sift, *arguments, cpu_s_max=CPU_S)


async def frames_file(content, folder):
    path = folder / "frames"
    path.write_bytes(content)
    return await parsing.run(reading.sift, str(path), str(folder / "written"), None, cpu_s_max=CPU_S)


async def results_file(content, folder):
    path = folder / "results"
    path.write_bytes(content)
    return await parsing.run(ai_results.sift, str(path), str(folder / "sifted"), cpu_s_max=CPU_S)


async def machine_table(content, folder):
    path = folder / "table"
    path.write_bytes(content)
    return await parsing.run(tables.read, str(path), {}, cpu_s_max=CPU_S)


FORMATS = {
    "frames": (hostile_frames.FRAMES, frames_file),
    "results of AI": (hostile_frames.RESULTS, results_file),
    "GeoJSON": (hostile.GEOJSON, lambda content, folder: label_file(content, folder, "GEOJSON")),
    "OSM XML": (hostile.OSM_XML, lambda content, folder: label_file(content, folder, "OSM_XML")),
    "OSM PBF": (hostile_labels.PBF, lambda content, folder: label_file(content, folder, "OSM_PBF")),
    "packed OSM XML": (hostile_labels.PACKED_XML, lambda content, folder: label_file(content, folder, "OSM_XML")),
    "GeoJSON in lines": (hostile_labels.LINES, lambda content, folder: label_file(content, folder, "GEOJSON")),
    "raw data": (hostile.GEOJSON, lambda content, _: parsing.run(rawdata.parsed, content, cpu_s_max=CPU_S)),
    "raw archives": (
        hostile.ARCHIVES,
        lambda content, _: parsing.run(rawdata.unpacked_and_parsed, content, cpu_s_max=CPU_S),
    ),
    "Overpass": (hostile.GEOJSON, lambda content, _: parsing.run(overpass.parsed, content, cpu_s_max=CPU_S)),
    "pictures": (
        hostile.PICTURES,
        lambda content, _: parsing.run(
            pictures.squares, "upload", content, media_type(content), [64], 25_000_000, cpu_s_max=CPU_S
        ),
    ),
    "posts": (
        hostile.PICTURES,
        lambda content, _: parsing.run(
            pictures.within, "upload", content, media_type(content), [400], 50_000_000, cpu_s_max=CPU_S
        ),
    ),
    "Camtrap DP": (hostile.PACKAGES, lambda content, folder: wildlife_file(content, folder, files.CAMTRAP_DP)),
    "MegaDetector": (hostile.RESULTS, lambda content, folder: wildlife_file(content, folder, files.MEGADETECTOR)),
    "SpeciesNet": (hostile.RESULTS, lambda content, folder: wildlife_file(content, folder, files.SPECIESNET)),
    "Wildlife Insights": (
        hostile.PACKAGES,
        lambda content, folder: wildlife_file(content, folder, files.WILDLIFE_INSIGHTS),
    ),
    "classifications": (
        hostile.TABLES,
        lambda content, folder: wildlife_file(content, folder, files.CLASSIFICATIONS),
    ),
    "tables of machines": (hostile_tables.MACHINE_TABLES, machine_table),
    "tiles": (hostile.PICTURES, lambda content, _: parsing.run(pictures.tile, content, 256, cpu_s_max=CPU_S)),
}


def media_type(content):
    return "image/jpeg" if content.startswith(b"\xff\xd8") else "image/png"


async def ends_well(read, content, folder):
    """Passes if reading ends in an answer or a typed refusal, without a mistake of ours and without our memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with capture_logs() as logs, suppress(Invalid, Unreadable):
        await read(content, folder)
    assert [entry for entry in logs if entry["event"] == "parser failed"] == []
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < GROWTH_BYTES_MAX


CASES = [(name, shape) for name, (shapes, _) in FORMATS.items() for shape in shapes]


@pytest.mark.parametrize(("name", "shape"), CASES, ids=[f"{name}: {shape}" for name, shape in CASES])
async def test_a_hostile_input_ends_well(tmp_path, name, shape):
    shapes, read = FORMATS[name]
    await ends_well(read, shapes[shape](MIB), tmp_path)


SIZES = st.integers(6, 20 if examples(1)["derandomize"] else 25).map(lambda power: 2**power)


@pytest.mark.fuzz
@settings(**examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=st.sampled_from(CASES), size=SIZES, kept=st.one_of(st.none(), st.floats(0, 1)))
async def test_a_hostile_input_of_any_size_whole_or_cut_off_ends_well(tmp_path: Path, case, size, kept):
    name, shape = case
    shapes, read = FORMATS[name]
    content = shapes[shape](size)
    await ends_well(read, content if kept is None else content[: int(len(content) * kept)], tmp_path)


@pytest.mark.parametrize("shape", hostile.REQUESTS)
def test_a_hostile_request_is_refused_before_it_is_built(shape):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(Malformed):
        decode(hostile.REQUESTS[shape](10 * MIB))
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < GROWTH_BYTES_MAX
