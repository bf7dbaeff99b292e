"""Files that trainings and predictions left behind."""

from app.gateways.storage import StoredFile
from app.models.mapping.predictions import Artifact
from app.policies import Viewer
from app.services import links
from app.services.system.files import left_files

ARTIFACT = links.Kind("artifact", "files", Artifact)
left_files.named_by("trainings", Artifact.storage_key)
left_files.named_by("predictions", Artifact.storage_key)


def artifact_link(viewer: Viewer, artifact: Artifact) -> str:
    """Where to download a file for a while."""
    return links.signed(ARTIFACT, viewer, artifact.id)


@links.leads_to_file(ARTIFACT)
def artifact_file(opened: links.Opened) -> StoredFile:
    """The file that a link leads to."""
    artifact: Artifact = opened.row
    return StoredFile(artifact.storage_key, artifact.name, artifact.media_type)
