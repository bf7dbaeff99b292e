"""Who may see imports and exports."""

from sqlalchemy import ColumnElement, select, true

from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.exchange import WildlifeExport, WildlifeImport
from app.policies import AnyViewer, names_viewer, reads
from app.policies.wildlife.projects import is_member


@reads(WildlifeImport)
def visible_wildlife_imports(viewer: AnyViewer) -> ColumnElement[bool]:
    """For who started them, as long as they belong to the project, and for staff."""
    if viewer.is_staff:
        return true()
    return names_viewer(viewer, WildlifeImport.user_id) & is_member(viewer, WildlifeImport.research_project_id)


@reads(WildlifeExport)
def visible_wildlife_exports(viewer: AnyViewer) -> ColumnElement[bool]:
    """For who asked for them, as long as they belong to the project, and for staff."""
    if viewer.is_staff:
        return true()
    own = select(ClassificationProject.id).where(is_member(viewer, ClassificationProject.research_project_id))
    return names_viewer(viewer, WildlifeExport.user_id) & WildlifeExport.classification_project_id.in_(own)
