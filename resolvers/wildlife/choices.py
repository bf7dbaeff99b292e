"""Registers the enums that inputs of this package name: before the first input, or they would have no description."""

import strawberry

from app.models.wildlife import approvals, classification_projects, classifications, observations
from app.services.wildlife.classifications import attributes, marking

for enum in (
    approvals.ApprovalAction,
    approvals.ApprovalOutcome,
    attributes.AttributeTarget,
    attributes.AttributeType,
    attributes.PredefinedAttribute,
    classification_projects.ClassificationProjectRole,
    classification_projects.ClassificationProjectStatus,
    classification_projects.Exposure,
    classifications.ClassificationType,
    marking.ItemOutcome,
    observations.Age,
    observations.Behaviour,
    observations.ObservationLevel,
    observations.ObservationType,
    observations.Sex,
):
    strawberry.enum(enum, description=enum.__doc__)
