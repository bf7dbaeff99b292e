"""Who may see trainings of species classifiers."""

from sqlalchemy import ColumnElement, select, true

from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.species_classifiers import SpeciesClassifierTraining
from app.policies import AnyViewer, reads
from app.policies.wildlife.classifications import visible_classification_projects


@reads(SpeciesClassifierTraining)
def visible_species_trainings(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible projects."""
    if viewer.is_staff:
        return true()
    seen = select(ClassificationProject.id).where(visible_classification_projects(viewer)).correlate(None)
    return SpeciesClassifierTraining.project_id.in_(seen)
