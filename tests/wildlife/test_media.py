"""Media from a memory card to dated rows: uploads that continue, one reading job, duplicates, times, moves."""

from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy import select

from app.models.system import JobState
from app.models.wildlife.media import Resource
from app.models.wildlife.projects import ResearchProjectRole
from resolvers import ids
from tests.wildlife import factories
from tests.wildlife.media import BURST, archive, dated, picture, video


async def test_a_card_is_uploaded_read_dated_and_grouped(take_in, ask, owner, deployment):
    found = await take_in(BURST, deployment)
    first = found["DCIM/100RECNX/IMG_0001.JPG"]
    assert (first["name"], first["status"], first["resourceType"]) == ("IMG_0001.JPG", "READ", "IMAGE")
    assert (first["cameraTime"], first["timeSource"]) == ("2026-04-11T20:43:09", "FILE")
    # Summer time in Warsaw.
    assert first["recordedAt"] == "2026-04-11T18:43:09+00:00"
    assert first["dateRecordedCorrect"] is True
    assert first["serialNumber"] == "H1"
    assert first["exif"]["Make"] == "RECONYX"
    assert 0.5 < first["brightness"] < 0.9
    counts = {each["sequence"]["sequenceId"]: each["sequence"]["resourceCount"] for each in found.values()}
    assert sorted(counts.values()) == [1, 2]
    told = await ask(
        "{ mediaReadings { nodes { status total read unreadable duplicated job { state } } } notifications "
        "{ nodes { message } } }",
        viewer=owner,
    )
    assert told["mediaReadings"]["nodes"] == [
        {"status": "FINISHED", "total": 3, "read": 3, "unreadable": 0, "duplicated": 0, "job": {"state": "DONE"}}
    ]
    assert told["notifications"]["nodes"][0]["message"].startswith("3 media were read; 0")


async def test_a_broken_upload_continues(api, request_uploads, send, take_in, deployment):
    of = {"deploymentId": ids.encode(deployment)}
    told = await request_uploads(BURST, **of)
    assert (told["missing"], [each["state"] for each in told["files"]]) == (3, ["MISSING"] * 3)
    first = told["files"][0]
    content = BURST[first["path"]]
    sent = await api.put(first["url"], content=content, headers={"Content-Type": first["mediaType"]})
    assert sent.status_code == 201
    again = await request_uploads(BURST, **of)
    assert [each["state"] for each in again["files"]] == ["RECEIVED", "MISSING", "MISSING"]
    await take_in(BURST, deployment)
    after = await request_uploads(BURST, **of)
    assert (after["missing"], [each["state"] for each in after["files"]]) == (0, ["THERE"] * 3)
    assert all(each["resource"] for each in after["files"])


async def test_what_has_not_arrived_is_read_later(api, change, owner, request_uploads, take_in, work, project):
    told = await request_uploads(BURST)
    await api.put(
        told["files"][1]["url"],
        content=BURST[told["files"][1]["path"]],
        headers={"Content-Type": told["files"][1]["mediaType"]},
    )
    await change("readMedia", viewer=owner, researchProjectId=ids.encode(project))
    await work()
    assert list(await take_in.listed()) == ["DCIM/100RECNX/IMG_0002.JPG"]
    assert len(await take_in(BURST)) == 3


@pytest.mark.parametrize(
    ("file", "field"),
    [
        ({"path": "../a.jpg"}, "path"),
        ({"path": "/a.jpg"}, "path"),
        ({"path": "C:\\a.jpg"}, "path"),
        ({"path": "~/a.jpg"}, "path"),
        ({"path": " "}, "path"),
        ({"path": "a/" + "b" * 256}, "path"),
        ({"sha256": "0" * 63}, "sha256"),
        ({"bytes": -1}, "bytes"),
        ({"bytes": 2**32}, "bytes"),
    ],
)
async def test_files_that_cannot_be_media_get_no_link(change, owner, project, unchanged, file, field):
    asked = {"path": "a.jpg", "bytes": 5, "sha256": "0" * 64} | file
    async with unchanged():
        refused = await change(
            "requestMediaUploads", viewer=owner, researchProjectId=ids.encode(project), files=[asked]
        )
    assert (refused["__typename"], refused["field"]) == ("InvalidInput", field)


async def test_at_most_500_files_are_asked_for_at_once(request_uploads, unchanged):
    files = {f"{each}.jpg": b"" for each in range(501)}
    async with unchanged():
        refused = await request_uploads(files)
    assert refused["message"] == "Give 1 to 500 files; these are 501."
    assert (await request_uploads(dict(list(files.items())[:500])))["missing"] == 0


async def test_strangers_and_viewers_upload_nothing(database, other, project, request_uploads, unchanged):
    async with unchanged():
        assert (await request_uploads(BURST, viewer=other))["code"] == "NOT_FOUND"
    await factories.member(database, project, other.id, role=ResearchProjectRole.VIEWER)
    async with unchanged():
        assert (await request_uploads(BURST, viewer=other))["code"] == "FORBIDDEN"


async def test_a_link_of_who_left_the_project_takes_nothing(database, api, other, project, request_uploads, tmp_path):
    member = await factories.member(database, project, other.id)
    [file] = (await request_uploads({"a.jpg": b"a"}, viewer=other))["files"]
    async with database.writing() as session:
        await session.delete(await session.get_one(type(member), member.id))
    sent = await api.put(file["url"], content=b"a", headers={"Content-Type": file["mediaType"]})
    assert sent.status_code == 410
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_what_cannot_be_read_is_kept_and_stops_nobody(take_in, tmp_path):
    odd = {
        "Kamera 1 (Süd)/100.DCIM/Ünïcode ✓.JPG": picture(),
        "empty.jpg": b"",
        "zeros.jpg": b"\0" * 1_000,
        "broken.avi": b"RIFF\0\0\0\0AVI LIST",
        "text.jpg": b"not a picture",
        "clip.mp4": video(tmp_path / "clip.mp4"),
    }
    found = await take_in(odd)
    assert found.keys() == odd.keys()
    errors = {path: each["readError"] for path, each in found.items() if each["status"] == "UNREADABLE"}
    assert errors.keys() == {"empty.jpg", "zeros.jpg", "broken.avi", "text.jpg"}
    assert errors["empty.jpg"] == "The file is empty."
    assert found["clip.mp4"]["frameCount"] == 10
    assert all(each["originalLink"] for each in found.values())


async def test_a_file_damaged_on_its_way_is_named_and_sent_again(
    api, request_uploads, change, take_in, owner, work, project
):
    [file] = (await request_uploads({"a.jpg": picture()}))["files"]
    damaged = picture()[:-2] + b"xx"
    await api.put(file["url"], content=damaged, headers={"Content-Type": file["mediaType"]})
    await change("readMedia", viewer=owner, researchProjectId=ids.encode(project))
    await work()
    [kept] = (await take_in.listed()).values()
    assert kept["readError"].startswith("The content does not match the SHA-256")
    found = await take_in({"a.jpg": picture()})
    assert (found["a.jpg"]["status"], found["a.jpg"]["id"]) == ("READ", kept["id"])


async def test_duplicates_are_named_and_not_dropped(take_in, ask, owner, project, change, request_uploads):
    await take_in({"one.jpg": picture(), "two.jpg": picture(), "other.jpg": picture(colour="red")})
    [told] = (await request_uploads({"three.jpg": picture()}))["files"]
    assert (told["state"], told["sameContent"]) == ("MISSING", {"name": "one.jpg"})
    found = await take_in({"three.jpg": picture()})
    assert {path: each["duplicateOf"] for path, each in found.items()} == {
        "one.jpg": None,
        "two.jpg": {"filePath": "one.jpg"},
        "three.jpg": {"filePath": "one.jpg"},
        "other.jpg": None,
    }
    document = "query ($id: ID!) { resources(researchProjectId: $id, isDuplicate: true) { totalCount } }"
    assert (await ask(document, viewer=owner, id=ids.encode(project)))["resources"]["totalCount"] == 2
    gone = await change(
        "deleteMedia",
        "deletedIds",
        viewer=owner,
        researchProjectId=ids.encode(project),
        resourceIds=[found["one.jpg"]["id"]],
    )
    assert gone["deletedIds"] == [found["one.jpg"]["id"]]
    left = await take_in.listed()
    assert {path: each["duplicateOf"] for path, each in left.items()} == {
        "two.jpg": None,
        "three.jpg": {"filePath": "two.jpg"},
        "other.jpg": None,
    }


@pytest.mark.parametrize(
    ("zone", "ignores_dst", "written", "tags", "recorded"),
    [
        ("Europe/Amsterdam", True, "2021:04:11 20:43:09", {}, "2021-04-11T19:43:09+00:00"),
        ("Europe/Amsterdam", False, "2021:04:11 20:43:09", {}, "2021-04-11T18:43:09+00:00"),
        ("Australia/Sydney", True, "2026:01:11 12:00:00", {}, "2026-01-11T02:00:00+00:00"),
        ("Australia/Sydney", False, "2026:01:11 12:00:00", {}, "2026-01-11T01:00:00+00:00"),
        ("Europe/Dublin", True, "2026:07:11 12:00:00", {}, "2026-07-11T12:00:00+00:00"),
        ("Asia/Kathmandu", False, "2026:07:11 12:00:00", {}, "2026-07-11T06:15:00+00:00"),
        ("America/Los_Angeles", False, "2026:07:11 12:00:00", {}, "2026-07-11T19:00:00+00:00"),
        ("UTC", False, "2026:07:11 12:00:00", {"OffsetTimeOriginal": "+02:00"}, "2026-07-11T10:00:00+00:00"),
        (
            "UTC",
            False,
            "2026:07:11 12:00:00",
            {"SubsecTimeOriginal": "250"},
            "2026-07-11T12:00:00.250000+00:00",
        ),
    ],
)
async def test_camera_times_become_utc(take_in, database, project, zone, ignores_dst, written, tags, recorded):
    at = await factories.location(database, project, timezone=zone, ignore_dst=ignores_dst)
    found = await take_in({"a.jpg": dated(written, **tags)}, await factories.deployment(database, at))
    assert found["a.jpg"]["recordedAt"] == recorded


async def test_a_correction_is_applied_shown_and_taken_back(take_in, change, ask, owner, deployment):
    before = await take_in(BURST, deployment)
    of = {"deploymentId": ids.encode(deployment)}
    fields = "clockCorrectionS clockCorrectionNote clockCorrectedAt clockCorrectedBy { username }"
    shown = await change("setClockCorrection", fields, viewer=owner, **of, seconds=-3_600, note="One hour fast.")
    assert (shown["clockCorrectionS"], shown["clockCorrectionNote"]) == (-3_600, "One hour fast.")
    assert (shown["clockCorrectedBy"], bool(shown["clockCorrectedAt"])) == ({"username": owner.user.username}, True)
    during = await take_in.listed()
    one = "DCIM/100RECNX/IMG_0001.JPG"
    assert (during[one]["recordedAt"], during[one]["cameraTime"]) == (
        "2026-04-11T17:43:09+00:00",
        "2026-04-11T20:43:09",
    )
    assert [each["sequence"] for each in during.values()] == [each["sequence"] for each in before.values()]
    cleared = await change("clearClockCorrection", fields, viewer=owner, **of)
    assert (cleared["clockCorrectionS"], cleared["clockCorrectedAt"]) == (0, None)
    after = await take_in.listed()
    assert {path: each["recordedAt"] for path, each in after.items()} == {
        path: each["recordedAt"] for path, each in before.items()
    }


@pytest.mark.parametrize("seconds", [0, 2_000_000_001])
async def test_corrections_that_change_nothing_or_too_much_are_refused(change, owner, deployment, unchanged, seconds):
    async with unchanged():
        refused = await change("setClockCorrection", viewer=owner, deploymentId=ids.encode(deployment), seconds=seconds)
    assert (refused["__typename"], refused["field"]) == ("InvalidInput", "seconds")


async def test_a_clock_that_was_reset_is_corrected_over_years(take_in, change, owner, deployment):
    found = await take_in({"a.jpg": dated("1999:01:01 00:00:00")}, deployment)
    assert found["a.jpg"]["dateRecordedCorrect"] is False
    years = 860_000_000
    await change("setClockCorrection", viewer=owner, deploymentId=ids.encode(deployment), seconds=years)
    found = await take_in.listed()
    assert found["a.jpg"]["recordedAt"].startswith("2026-04-")
    assert found["a.jpg"]["dateRecordedCorrect"] is True


async def test_a_new_zone_and_new_dates_date_media_anew(take_in, change, owner, place, deployment):
    await take_in(BURST, deployment)
    await change("updateLocation", viewer=owner, id=ids.encode(place), ignoreDst=True)
    one = "DCIM/100RECNX/IMG_0001.JPG"
    assert (await take_in.listed())[one]["recordedAt"] == "2026-04-11T19:43:09+00:00"
    await change("updateDeployment", viewer=owner, id=ids.encode(deployment), startsAt="2026-04-12T00:00:00Z")
    assert (await take_in.listed())[one]["dateRecordedCorrect"] is False


async def test_times_are_read_from_names_where_the_deployment_names_a_pattern(take_in, database, place):
    of = await factories.deployment(database, place, file_name_pattern="{any}-{MM}{DD}{YYYY}{hh}{mm}{ss}-{camera}")
    names = {"S-06022026143715-SYFW00012.JPG": dated("1999:01:01 00:00:00"), "IMG_1.JPG": dated("2026:06:02 10:00:00")}
    found = await take_in(names, of)
    named, other = found["S-06022026143715-SYFW00012.JPG"], found["IMG_1.JPG"]
    assert (named["cameraTime"], named["timeSource"]) == ("2026-06-02T14:37:15", "FILE_NAME")
    assert (named["serialNumber"], named["recordedAt"]) == ("SYFW00012", "2026-06-02T12:37:15+00:00")
    assert (other["timeSource"], other["recordedAt"]) == ("FILE", "2026-06-02T08:00:00+00:00")


async def test_media_find_their_deployment_by_the_camera_or_wait(take_in, change, database, owner, place, project):
    known = await factories.deployment(database, place, camera_id="H1")
    other = await factories.deployment(database, place, "r2")
    unknown = dated("2026:04:12 10:00:00", colour="gold", BodySerialNumber="WRONG")
    found = await take_in({**BURST, "who.jpg": unknown, "who2.jpg": picture(BodySerialNumber="WRONG")})
    codes = {path: each["deployment"] and each["deployment"]["deploymentCode"] for path, each in found.items()}
    assert codes == {**dict.fromkeys(BURST, "r1"), "who.jpg": None, "who2.jpg": None}
    assert (found["who.jpg"]["recordedAt"], found["who.jpg"]["dateRecordedCorrect"]) == (None, None)
    of = {"researchProjectId": ids.encode(project), "toDeploymentId": ids.encode(other)}
    chosen = {"serialNumber": "WRONG", "isUnassigned": True}
    tried = await change("moveMedia", "count isDryRun", viewer=owner, **of, **chosen, dryRun=True)
    assert (tried["count"], tried["isDryRun"]) == (2, True)
    assert (await take_in.listed())["who.jpg"]["deployment"] is None
    moved = await change("moveMedia", "count isDryRun", viewer=owner, **of, **chosen)
    assert (moved["count"], moved["isDryRun"]) == (2, False)
    found = await take_in.listed()
    assert found["who.jpg"]["deployment"] == {"deploymentCode": "r2"}
    assert found["who.jpg"]["recordedAt"] == "2026-04-12T08:00:00+00:00"
    assert found["who.jpg"]["sequence"]["resourceCount"] == 1
    assert known.id


async def test_moving_is_all_or_nothing(take_in, change, database, owner, place, project, unchanged):
    one, two = await factories.deployment(database, place), await factories.deployment(database, place, "r2")
    await take_in({"a.jpg": dated("2026:04:11 20:43:09"), "b.jpg": dated("2026:04:11 20:44:09", colour="red")}, one)
    await take_in({"a.jpg": dated("2026:04:11 20:43:10", colour="blue")}, two)
    async with unchanged():
        refused = await change(
            "moveMedia",
            viewer=owner,
            researchProjectId=ids.encode(project),
            fromDeploymentId=ids.encode(one),
            toDeploymentId=ids.encode(two),
        )
    assert refused["message"] == "The deployment already has a medium with this path."
    async with unchanged():
        refused = await change(
            "moveMedia",
            viewer=owner,
            researchProjectId=ids.encode(project),
            toDeploymentId=ids.encode(two),
        )
    assert refused["field"] == "resourceIds"


async def test_a_zip_brings_tables_and_folders_of_deployments(api, change, ask, owner, project, work, take_in):
    files = {
        "locations.csv": b"locationID,latitude,longitude,timezone\nloc1,52.7,23.85,Europe/Warsaw\n",
        "deployments.csv": b"deploymentCode,locationID,deploymentStart,deploymentEnd\n"
        b"r1,loc1,2026-04-01T00:00:00Z,2026-05-01T00:00:00Z\n",
        "card/r1-loc1/DCIM/a.jpg": dated("2026:04:11 20:43:09"),
        "elsewhere/b.jpg": dated("2026:04:11 20:43:10", colour="red"),
        "__MACOSX/._a.jpg": b"",
        "card/Thumbs.db": b"",
    }
    content = archive(files)
    link = await change("requestMediaArchiveUpload", "upload url mediaType", viewer=owner, bytes=len(content))
    await api.put(link["url"], content=content, headers={"Content-Type": link["mediaType"]})
    begun = await change("readMedia", viewer=owner, researchProjectId=ids.encode(project), upload=link["upload"])
    assert begun["__typename"] == "MediaReading"
    assert (await work()).state is JobState.DONE
    found = await take_in.listed()
    assert found.keys() == {"card/r1-loc1/DCIM/a.jpg", "elsewhere/b.jpg"}
    assert found["card/r1-loc1/DCIM/a.jpg"]["deployment"] == {"deploymentCode": "r1"}
    assert found["card/r1-loc1/DCIM/a.jpg"]["recordedAt"] == "2026-04-11T18:43:09+00:00"
    assert found["elsewhere/b.jpg"]["deployment"] is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no archive", "This is not a ZIP archive"),
        (archive({"../a.jpg": b"x"}), "A file name in this archive leads out of it."),
        (archive({"a.jpg": b"\0" * 1_000_000}), "A file in this archive is compressed more than"),
        (archive({"a.txt/": b""}), "This archive contains no media."),
        (
            archive(
                {"locations.csv": b"locationID,latitude,longitude,timezone\na,95,2,Europe/Warsaw\n", "a.jpg": b"x"}
            ),
            "locations.csv, row 2, column latitude: Use degrees from -90 to 90.",
        ),
    ],
)
async def test_hostile_archives_change_nothing(api, change, ask, owner, project, work, database, content, said):
    link = await change("requestMediaArchiveUpload", "upload url mediaType", viewer=owner, bytes=len(content))
    await api.put(link["url"], content=content, headers={"Content-Type": link["mediaType"]})
    await change("readMedia", viewer=owner, researchProjectId=ids.encode(project), upload=link["upload"])
    assert (await work()).state is JobState.FAILED
    told = await ask("{ mediaReadings { nodes { status failure } } locations { totalCount } }", viewer=owner)
    assert told["mediaReadings"]["nodes"][0]["status"] == "FAILED"
    assert told["mediaReadings"]["nodes"][0]["failure"].startswith(said)
    assert told["locations"]["totalCount"] == 0
    async with database.reading() as session:
        assert (await session.scalars(select(Resource))).all() == []


async def test_names_given_twice_in_an_archive_are_refused(api, change, ask, owner, project, work):
    content = BytesIO(archive({"a.jpg": b"x"}))
    with pytest.warns(UserWarning, match="Duplicate name"), ZipFile(content, "a") as packed:
        packed.writestr("a.jpg", b"y")
    sent = content.getvalue()
    link = await change("requestMediaArchiveUpload", "upload url mediaType", viewer=owner, bytes=len(sent))
    await api.put(link["url"], content=sent, headers={"Content-Type": link["mediaType"]})
    await change("readMedia", viewer=owner, researchProjectId=ids.encode(project), upload=link["upload"])
    await work()
    told = await ask("{ mediaReadings { nodes { failure } } }", viewer=owner)
    assert told["mediaReadings"]["nodes"] == [{"failure": "Two files in this archive have the same name."}]
