"""What records of files say, as observations of ours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.errors import Invalid
from app.formats.wildlife.problems import Problems
from app.limits import wildlife as limits
from app.models.base import Json
from app.models.wildlife.observations import Age, Behaviour, ObservationLevel, ObservationType, Sex
from app.services.wildlife.classifications.attributes import AttributeTarget, Rules, check_value
from app.services.wildlife.classifications.observations import Observation
from app.services.wildlife.exchange.imports.staging import Staged
from app.services.wildlife.exchange.imports.taxa import Taxa
from app.settings import settings

# Results of classifiers that say nothing of an animal.
NO_TAXON = frozenset({"blank", "unknown"})


class Translator:
    """Turns records of formats into observations of a project; what it has no place for is left out, and reported."""

    def __init__(self, problems: Problems, taxa: Taxa, rules: Rules | None) -> None:
        self._problems = problems
        self._taxa = taxa
        self._attributes = rules.of(AttributeTarget.DYNAMIC) if rules else {}
        self._static = rules.of(AttributeTarget.STATIC) if rules else {}
        self._told: set[tuple[str, str]] = set()

    def row(self, staged: Staged) -> Observation:
        """The observation of a row of a table."""
        fields = staged.record
        is_group = fields["level"] != "object"
        species_id, raw = self._species(staged, fields["names"])
        type_ = ObservationType(fields["type"].upper())
        return Observation(
            observation_type=type_,
            observation_level=ObservationLevel.GROUP if is_group else ObservationLevel.OBJECT,
            species_id=None if type_ is ObservationType.BLANK else species_id,
            sex=Sex((fields["sex"] or "unknown").upper()),
            age=Age((fields["age"] or "unknown").upper()),
            behaviour=Behaviour((fields["behaviour"] or "undefined").upper()),
            count=fields["count"] or 1,
            count_new=fields["count_new"],
            individual_id=None if is_group else self._individual(staged, fields["individual_id"]),
            classification_confidence=fields["confidence"],
            bboxes=None if is_group else fields["bbox"],
            first_frame_index=fields["first_frame_index"] or 0,
            distance=fields["distance"],
            attrs=self._kept(staged, fields["attrs"], self._attributes),
            attr_confidence=fields["attr_confidence"] or {},
            raw_label=fields.get("raw_label") or raw,
        )

    def static(self, rows: Sequence[Staged]) -> dict[str, Any]:
        """The attributes of a whole medium: every row about it says the same."""
        fields = rows[0].record.get("static_attrs") or {}
        return self._kept(rows[0], fields, self._static) if fields else {}

    def _individual(self, staged: Staged, text: str | None) -> str | None:
        if text is None or len(text) <= limits.CODE_LENGTH_MAX:
            return text
        self._tell(staged, "individualID", text, f"has more than {limits.CODE_LENGTH_MAX} characters; it is left out")
        return None

    def _species(self, staged: Staged, names: Sequence[str]) -> tuple[int | None, str | None]:
        """The taxon, and the name as it was given if no taxon has it."""
        if not names:
            return None, None
        species_id = self._taxa.of(names)
        if species_id is not None:
            return species_id, None
        self._tell(staged, "scientificName", names[0], "is no known taxon; it is kept as the raw label")
        return None, names[0][: limits.TAXON_NAME_LENGTH_MAX]

    def _kept(self, staged: Staged, attrs: Mapping[str, Any], rules: Mapping[str, Json]) -> dict[str, Any]:
        """The attributes that the classificator has; others, and wrong values, are left out."""
        kept = {}
        for name, value in attrs.items():
            rule = rules.get(name)
            if rule is None:
                self._tell(staged, "attrs", name, "is no attribute of the project's classificator; it is left out")
                continue
            try:
                check_value(rule, value, name)
            except Invalid as error:
                self._tell(staged, f"attrs.{name}", str(value), f"is left out. {error.message}")
            else:
                kept[name] = value
        return kept

    def _tell(self, staged: Staged, field: str, text: str, message: str) -> None:
        if (field, text) not in self._told and len(self._told) < settings.import_problems_max:
            self._told.add((field, text))
            self._problems.warn(staged.file, staged.line, field, f'"{text[:60]}" {message}')

    def file(self, staged: Staged, *, confidence_min: float, species_confidence_min: float) -> list[Observation]:
        """The observations of a picture or a video, by the results of a detector and a classifier."""
        fields = staged.record
        sure = [each for each in fields["detections"] if each["confidence"] >= confidence_min]
        if len(sure) > settings.observations_per_classification_max:
            most = settings.observations_per_classification_max
            sure = sorted(sure, key=lambda each: -each["confidence"])[:most]
            self._problems.warn(staged.file, staged.line, "detections", f"Only the {most} surest detections are kept.")
        prediction = fields.get("prediction")
        detections = [self._detection(each, prediction, species_confidence_min) for each in sure]
        if not detections and prediction and prediction["type"] not in NO_TAXON:
            whole = {"type": prediction["type"], "label": prediction["label"], "confidence": prediction["confidence"]}
            detections = [self._detection({**whole, "bbox": None, "frame": 0, "classes": []}, prediction, 0)]
        return detections

    def _detection(
        self, detection: Mapping[str, Any], prediction: Mapping[str, Any] | None, species_confidence_min: float
    ) -> Observation:
        plain = Observation(
            observation_type=ObservationType(detection["type"].upper()),
            classification_confidence=detection["confidence"],
            bboxes=detection["bbox"],
            first_frame_index=detection["frame"],
            raw_label=detection["label"][: limits.TAXON_NAME_LENGTH_MAX],
        )
        # The word on the whole picture is about its animals.
        whole = prediction if prediction and detection["type"] == "animal" else None
        best = detection["classes"][0] if detection["classes"] else whole
        if best is None or detection["type"] != "animal":
            return plain
        label = best["label"][: limits.TAXON_NAME_LENGTH_MAX]
        if best["type"] in NO_TAXON or (best["confidence"] or 0) < species_confidence_min:
            return replace(plain, raw_label=label)
        return replace(
            plain,
            observation_type=ObservationType(best["type"].upper()),
            species_id=self._taxa.of(best["names"]),
            classification_confidence=best["confidence"],
            raw_label=label,
        )


def names_in(media: Sequence[Sequence[Staged]]) -> Iterator[str]:
    """All names of taxa that records mention."""
    for staged in (each for medium in media for each in medium):
        yield from staged.record.get("names") or ()
        for detection in staged.record.get("detections") or ():
            for each in detection["classes"][:1]:
                yield from each["names"]
        prediction = staged.record.get("prediction")
        if prediction:
            yield from prediction["names"]
