"""Carries an import out in one transaction: what was read is matched, written, and reckoned up. A dry run is undone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.database import WriteSession
from app.errors import Invalid
from app.formats.wildlife import files
from app.formats.wildlife.problems import Problem, Problems, Severity
from app.models.kinds.wildlife import WildlifeNotification
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectCollection
from app.models.wildlife.collections import Collection
from app.models.wildlife.exchange import WildlifeImport, WildlifeImportFormat
from app.models.wildlife.providers import AIProvider, AIProviderType, ExternalAIProvider
from app.policies import Viewer
from app.services.wildlife.classifications import attributes, review_notifications
from app.services.wildlife.classifications.writing import AIResult, write_ai_classifications
from app.services.wildlife.exchange.imports import frames, matching, places, staging
from app.services.wildlife.exchange.imports.observations import Translator, names_in
from app.services.wildlife.exchange.imports.people import Seen, approve_all, replaced_by, write_people
from app.services.wildlife.exchange.imports.staging import Staged, ask
from app.services.wildlife.exchange.imports.taxa import Taxa

RESULTS = {WildlifeImportFormat.MEGADETECTOR, WildlifeImportFormat.SPECIESNET}
PACKAGES = {WildlifeImportFormat.CAMTRAP_DP, WildlifeImportFormat.WILDLIFE_INSIGHTS}
UNKNOWN_MODEL = "Unknown model"


@dataclass
class Reckoning:
    """What an import came to."""

    deployments: int = 0
    media: int = 0
    observations: int = 0
    species: int = 0
    classifications: int = 0
    approved: int = 0
    matched: int = 0
    unmatched: int = 0
    problems: Problems = field(default_factory=Problems)

    @property
    def counts(self) -> dict[str, int]:
        """What was written."""
        names = ("deployments", "media", "observations", "species", "classifications", "approved")
        return {name: getattr(self, name) for name in names}


def problems_of(read: dict[str, Any]) -> Problems:
    """The problems that a parser listed, to go on with."""
    problems = Problems()
    for listed in read["problems"]:
        problem = Problem(*listed)
        problems.add(problem.file, problem.line, problem.field, problem.message, Severity(problem.severity))
    for severity, count in read["severities"].items():
        problems.counts[severity] = count
    return problems


class Importing:
    """One import, as far as it is."""

    def __init__(self, session: WriteSession, row: WildlifeImport, read: dict[str, Any]) -> None:
        self._session = session
        self._row = row
        self._read = read
        self._taxa = Taxa()
        self._providers: dict[str, int] = {}
        self._frames = Path()
        self._replaced: set[int] = set()
        self.reckoning = Reckoning(problems=problems_of(read))

    async def carry_out(self, records: Path) -> None:
        """Writes all that is good. Invalid if something is wrong, unless good rows are to be kept."""
        await staging.load(self._session, records)
        self._frames = files.frames_beside(records)
        if self._row.format in PACKAGES:
            await self._package()
        elif self._row.format in RESULTS:
            await self._results()
        else:
            await self._table()
        self.reckoning.species = self._taxa.count

    async def _package(self) -> None:
        research_id, user_id = self._row.research_project_id, self._row.user_id
        problems, zone = self.reckoning.problems, self._row.options.get("timezone") or "UTC"
        await places.check_deployments(self._session, problems, research_id)
        parameters = {"research_id": research_id, "user_id": user_id}
        await places.write_places(self._session, problems, zone=zone, **parameters)
        reading, new = await places.write_media(self._session, problems, **parameters)
        self.reckoning.matched, self.reckoning.unmatched = reading, new
        self.reckoning.media = reading + new
        self.reckoning.deployments = self._read["counts"].get("deployments", 0)
        if self._row.classification_project_id is None:
            self._say_what_is_left_out()
            return
        await self._collect()
        await ask(self._session, FINALS, project_id=self._project_id)
        await ask(self._session, "CREATE INDEX ON import_finals (deployment_id, recorded_at)")
        await ask(self._session, PLACED)
        await ask(self._session, EVENTS)
        for row in await ask(self._session, PLACELESS):
            problems.warn(row.file, row.line, "eventStart", "No medium of the deployment lies in this event.")
        await self._observations()

    def _say_what_is_left_out(self) -> None:
        rows = self._read["rows"].get("observation", 0)
        if rows:
            message = f"{rows} observations are left out: no classification project was named to write them to."
            self.reckoning.problems.warn("observations.csv", None, None, message)

    async def _collect(self) -> None:
        """Puts the media into a collection of the classification project, which gives each of them a FINAL."""
        project_id, research_id = self._row.classification_project_id, self._row.research_project_id
        name = f"Import {self._row.id}"
        collection = Collection(research_project_id=research_id, owner_id=self._row.user_id, name=name)
        self._session.add(collection)
        await self._session.flush()
        parameters = {"collection_id": collection.id, "research_id": research_id}
        await ask(self._session, INTO_COLLECTION, project_id=project_id, **parameters)
        [(count,)] = await ask(self._session, COLLECTED, collection_id=collection.id)
        if count:
            link = ClassificationProjectCollection(
                project_id=project_id, collection_id=collection.id, research_project_id=research_id
            )
            self._session.add(link)
            await self._session.flush()
        else:
            await self._session.delete(collection)
            await self._session.flush()

    async def _results(self) -> None:
        project = await self._session.get_one(ClassificationProject, self._row.classification_project_id)
        options = self._row.options
        base = options.get("base_path") or ""
        self.reckoning.matched, self.reckoning.unmatched = await matching.match_files(
            self._session,
            self.reckoning.problems,
            project_id=project.id,
            deployment_id=options.get("deployment_id"),
            base=base if not base or base.endswith("/") else f"{base}/",
        )
        provider_id = self._row.provider_id or await self._provider(_model(self._read, self._row))
        self._row.provider_id = provider_id
        least = options.get("minimum_confidence")
        thresholds = {
            "confidence_min": project.detection_confidence_min if least is None else least,
            "species_confidence_min": project.species_confidence_min,
        }
        translator = Translator(self.reckoning.problems, self._taxa, await self._rules())
        async for media in staging.matched(self._session, "file"):
            await self._taxa.look_up(self._session, names_in(media))
            results = [
                AIResult(staged.resource_id, translator.file(staged, **thresholds))
                for [staged] in media
                if staged.record["failure"] is None
            ]
            await self._write_ai(provider_id, results)

    async def _table(self) -> None:
        self.reckoning.matched, self.reckoning.unmatched = await matching.match_rows(
            self._session, self.reckoning.problems, project_id=self._project_id
        )
        await self._observations()

    @property
    def _project_id(self) -> int:
        assert self._row.classification_project_id is not None
        return self._row.classification_project_id

    async def _rules(self) -> attributes.Rules | None:
        return await attributes.rules_of(self._session, self._project_id)

    async def _write_ai(self, provider_id: int, results: Sequence[AIResult]) -> list[int]:
        if not results:
            return []
        written = await write_ai_classifications(self._session, self._project_id, provider_id, results)
        self.reckoning.classifications += len(written)
        self.reckoning.observations += sum(len(result.observations) for result in results)
        return [each.id for each in written]

    async def _observations(self) -> None:
        """Rows of tables: what models record under their names, what people record under that of who imports."""
        rules = await self._rules()
        translator = Translator(self.reckoning.problems, self._taxa, rules)
        async for media in staging.matched(self._session, "observation"):
            await self._taxa.look_up(self._session, names_in(media))
            approvable: dict[int, int] = {}
            for by, results, records in await self._by_models(media, translator):
                written = await self._write_ai(await self._provider(by), results)
                approvable |= dict(zip((rows[0].final_id for rows in records), written, strict=True))
                await self._restore_frames(written, records)
            people = [seen for medium in media if (seen := _seen(medium, translator)) is not None]
            if people:
                rows = await write_people(
                    self._session, self._row.user_id, people, None if rules is None else rules.version_id
                )
                self.reckoning.classifications += len(rows)
                self.reckoning.observations += sum(len(seen.observations) for seen in people)
                approvable |= dict(zip((seen.final_id for seen in people), rows, strict=True))
                await self._restore_frames(rows, [seen.records for seen in people])
            if self._row.options.get("approve"):
                await self._approve(list(approvable.values()))
        viewer, kind = Viewer(self._row.user_id), WildlifeNotification.CLASSIFICATION_REJECTED
        await review_notifications.notify_all(self._session, viewer, kind, self._project_id, self._replaced)

    async def _approve(self, row_ids: Sequence[int]) -> None:
        """Approves what was written, and notes whose rows are not approved any more."""
        self._replaced |= await replaced_by(self._session, row_ids)
        self.reckoning.approved += await approve_all(self._session, self._row.user_id, row_ids)

    async def _by_models(
        self, media: Sequence[Sequence[Staged]], translator: Translator
    ) -> list[tuple[str, list[AIResult], list[list[Staged]]]]:
        by_model: dict[str, tuple[list[AIResult], list[list[Staged]]]] = {}
        for medium in media:
            mine: dict[str, list[Staged]] = {}
            for staged in medium:
                if staged.record["method"] == "machine":
                    mine.setdefault(staged.record["by"] or UNKNOWN_MODEL, []).append(staged)
            for by, rows in mine.items():
                results, records = by_model.setdefault(by, ([], []))
                is_setup = any(row.record["is_setup"] for row in rows)
                seen = [translator.row(row) for row in rows]
                results.append(
                    AIResult(rows[0].resource_id, seen, is_setup=is_setup, static_attrs=translator.static(rows))
                )
                records.append(rows)
        return [(by, results, records) for by, (results, records) in sorted(by_model.items())]

    async def _restore_frames(self, row_ids: Sequence[int], records: Sequence[Sequence[Staged]]) -> None:
        written = dict(zip(row_ids, records, strict=True))
        await frames.restore(self._session, self.reckoning.problems, self._frames, written)

    async def _provider(self, name: str) -> int:
        """The importer's own provider of this name, made when it is first needed."""
        name = " ".join(name.split())[:200] or UNKNOWN_MODEL
        if name not in self._providers:
            own = select(AIProvider.id).where(
                AIProvider.user_id == self._row.user_id, AIProvider.name == name, AIProvider.is_active
            )
            known = await self._session.scalar(own.order_by(AIProvider.id).limit(1))
            if known is None:
                made = ExternalAIProvider(
                    user_id=self._row.user_id,
                    name=name,
                    description="Made by an import.",
                    provider_type=AIProviderType.DETECTION,
                    video_support=True,
                )
                self._session.add(made)
                await self._session.flush()
                known = made.id
            self._providers[name] = known
        return self._providers[name]


def _seen(medium: Sequence[Staged], translator: Translator) -> Seen | None:
    """What people record of a medium; their rows together are one of who imports them."""
    rows = [staged for staged in medium if staged.record["method"] != "machine"]
    if not rows:
        return None
    observations = [translator.row(staged) for staged in rows]
    comments = " | ".join(dict.fromkeys(row.record["comments"] for row in rows if row.record["comments"]))[:500]
    is_setup = any(row.record["is_setup"] for row in rows)
    static = translator.static(rows)
    return Seen(
        rows[0].final_id,
        observations,
        is_setup=is_setup,
        comments=comments or None,
        static_attrs=static,
        records=rows,
    )


def _model(read: dict[str, Any], row: WildlifeImport) -> str:
    """The name of the model that a file of results comes from."""
    info = read.get("info") or {}
    parts = [info.get("detector"), info.get("classifier")]
    named = " + ".join(str(part) for part in parts if part)
    return named or ("SpeciesNet" if row.format is WildlifeImportFormat.SPECIESNET else "MegaDetector")


def check(reckoning: Reckoning, row: WildlifeImport) -> None:
    """Refuses the whole import if something is wrong and good rows are not to be kept."""
    errors = reckoning.problems.errors
    if errors and not row.keep_good:
        some = f"{errors} errors" if errors > 1 else "1 error"
        raise Invalid(
            "files",
            f"There {'are' if errors > 1 else 'is'} {some}, so nothing was imported. See problems, or set keepGood.",
        )


INTO_COLLECTION = """
INSERT INTO collection_resources (collection_id, resource_id, research_project_id)
SELECT DISTINCT CAST(:collection_id AS bigint), resource_id, CAST(:research_id AS bigint) FROM import_resources
WHERE resource_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM classifications AS final WHERE final.project_id = :project_id
        AND final.resource_id = import_resources.resource_id AND final.classification_type = 'FINAL'
)
"""
COLLECTED = "SELECT count(*) FROM collection_resources WHERE collection_id = :collection_id"
# Each medium of the package with its FINAL.
FINALS = """
CREATE TEMPORARY TABLE import_finals ON COMMIT DROP AS
SELECT own.record ->> 'mediaID' AS media_id, own.record ->> 'deploymentID' AS deployment_id, resource.recorded_at,
    final.resource_id, final.id AS final_id
FROM import_resources AS own JOIN resources AS resource ON resource.id = own.resource_id
JOIN classifications AS final ON final.resource_id = own.resource_id AND final.project_id = :project_id
    AND final.classification_type = 'FINAL'
"""
PLACED = """
INSERT INTO import_matches (place, resource_id, final_id)
SELECT DISTINCT ON (given.place) given.place, medium.resource_id, medium.final_id
FROM import_records AS given JOIN import_finals AS medium ON medium.media_id = given.record ->> 'media_id'
WHERE given.kind = 'observation' ORDER BY given.place
"""
# An observation of an event is one of its first medium.
EVENTS = """
INSERT INTO import_matches (place, resource_id, final_id)
SELECT given.place, medium.resource_id, medium.final_id
FROM import_records AS given CROSS JOIN LATERAL (
    SELECT resource_id, final_id FROM import_finals AS each
    WHERE each.deployment_id = given.record ->> 'deployment_id'
        AND each.recorded_at BETWEEN CAST(given.record ->> 'event_start' AS timestamptz)
        AND CAST(given.record ->> 'event_end' AS timestamptz)
    ORDER BY each.recorded_at, each.resource_id LIMIT 1
) AS medium
WHERE given.kind = 'observation' AND given.record ->> 'media_id' IS NULL
"""
PLACELESS = """
SELECT file, line FROM import_records AS given WHERE kind = 'observation'
    AND NOT EXISTS (SELECT FROM import_matches AS matched WHERE matched.place = given.place) ORDER BY place
"""
