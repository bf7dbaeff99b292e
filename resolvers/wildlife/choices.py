"""Registers the enums that inputs of this package name: before the first input, or they would have no description."""

from app.models.wildlife import approvals, classification_projects, classifications, observations
from app.services.wildlife.classifications import attributes, marking
from resolvers.enums import show_enum

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
    show_enum(enum)
