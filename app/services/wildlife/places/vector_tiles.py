"""The layer of vector tiles with deployments: where the viewer sees them, coarsely where a sensitive species was."""

from app.models.wildlife.deployments import Deployment
from app.models.wildlife.projects import ResearchProject
from app.policies.wildlife.places import shown_point
from app.services.vector_tiles import Layer

LAYERS = {
    "deployments": Layer(
        Deployment,
        shown_point,
        {
            "starts_at": Deployment.starts_at,
            "ends_at": Deployment.ends_at,
            "feature_type": Deployment.feature_type,
        },
        {ResearchProject: lambda key: Deployment.research_project_id == key},
        Deployment.location,
    ),
}
