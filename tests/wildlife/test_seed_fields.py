"""The requirement's data model, field by field: what each of its entities, fields and choices is in the schema."""

import pytest

from schema import schema

SCHEMA = schema._schema
FIELDS = {
    "Classification": {
        "resource": ("resource", "Resource!"),
        "classification_type": ("classificationType", "ClassificationType!"),
        "model": ("model", "AIProvider"),
        "source_classification": ("sourceClassification", "Classification"),
        "final_classification": ("finalClassification", "Classification"),
        "frames_msgpack": ("framesMsgpack", "String"),
        "is_approved": ("isApproved", "Boolean!"),
        "is_blank": ("isBlank", "Boolean!"),
        "is_setup": ("isSetup", "Boolean!"),
        "is_gold_standard": ("isGoldStandard", "Boolean!"),
        "dynamic_attrs": ("dynamicAttrs", "ClassificationDynamicAttrsConnection!"),
    },
    "ClassificationDynamicAttrs": {
        "classification": ("classification", "Classification!"),
        "observation_type": ("observationType", "ObservationType!"),
        "observation_level": ("observationLevel", "ObservationLevel!"),
        "species": ("species", "Species"),
        "sex": ("sex", "Sex!"),
        "age": ("age", "Age!"),
        "behaviour": ("behaviour", "Behaviour!"),
        "count": ("count", "Int!"),
        "count_new": ("countNew", "Int"),
        "individual_id": ("individualId", "String"),
        "classification_confidence": ("classificationConfidence", "Float"),
        "bboxes": ("bboxes", "[Float!]"),
        "first_frame_index": ("firstFrameIndex", "Int!"),
        "distance": ("distance", "Float"),
        "attrs": ("attrs", "JSON!"),
        "attr_confidence": ("attrConfidence", "JSON!"),
    },
    "AIProvider": {
        "name": ("name", "String!"),
        "version": ("version", "String!"),
        "description": ("description", "String!"),
        "provider_type": ("providerType", "AIProviderType!"),
        "video_support": ("videoSupport", "Boolean!"),
        "object_based": ("objectBased", "Boolean!"),
        "crop_image": ("cropImage", "Boolean!"),
        "remote_id": ("remoteId", "UUID"),
        "categories": ("categories", "JSON!"),
        "keypoint_topology": ("keypointTopology", "JSON"),
        "is_active": ("isActive", "Boolean!"),
        "model_file_hash": ("modelFileHash", "String"),
        "keep_synced": ("keepSynced", "Boolean!"),
        "last_synced": ("lastSynced", "DateTime"),
    },
    "TrapperAIProvider": {"connection": ("connection", "AIProviderConnection")},
    "AIProviderConnection": {
        "api_url": ("apiUrl", "String!"),
        "api_auth_login": ("apiAuthLogin", "String!"),
        "trapper_instance_url": ("trapperInstanceUrl", "String!"),
        "is_active": ("isActive", "Boolean!"),
    },
    "AIClassificationJob": {
        "id": ("uuid", "UUID!"),
        "user_remote_task": ("userRemoteTask", "UserRemoteTask"),
        "ai_provider": ("aiProvider", "AIProvider!"),
        "collection": ("collection", "ClassificationProjectCollection"),
        "stage": ("stage", "AIJobStage!"),
        "job_config": ("jobConfig", "JSON!"),
    },
}
"""Each field of an entity: its name and type in the schema."""
CHOICES = {
    "ClassificationType": "FINAL | AI | USER | FEEDBACK",
    "ObservationType": "human | animal | vehicle | blank | unknown | unclassified",
    "ObservationLevel": "object | group",
    "Sex": "unknown | female | male",
    "Age": "unknown | adult | subadult | juvenile | offspring",
    "Behaviour": "undefined | grazing | browsing | rooting | vigilance | running | walking",
    "AIProviderType": "detection | classification | depth | pose",
}
"""Each choice, as the requirement writes it."""
SECRETS = {("AIProviderConnection", "api_auth_passw"), ("AIProvider", "token")}
"""Fields that are never shown: a password that is encrypted, and a token of which only a hash is stored."""
KINDS_OF_PROVIDERS = ("TrapperAIProvider", "ExternalAIProvider")


def written(name: str) -> str:
    """The name of a field as a client writes it."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


@pytest.mark.parametrize(
    ("entity", "field", "shown", "kind"),
    [(entity, field, *is_shown) for entity, fields in FIELDS.items() for field, is_shown in fields.items()],
)
def test_each_field_of_an_entity_is_shown(entity, field, shown, kind):
    fields = SCHEMA.type_map[entity].fields
    assert str(fields[shown].type) == kind
    assert shown == written(field) or (entity, field) == ("AIClassificationJob", "id")
    assert fields[shown].description


@pytest.mark.parametrize(("choice", "values"), CHOICES.items())
def test_each_choice_has_exactly_its_values(choice, values):
    assert list(SCHEMA.type_map[choice].values) == values.upper().split(" | ")


@pytest.mark.parametrize(("entity", "field"), sorted(SECRETS))
def test_secrets_are_taken_and_not_shown(entity, field):
    assert written(field) not in SCHEMA.type_map[entity].fields
    for kind in KINDS_OF_PROVIDERS:
        assert written(field) not in SCHEMA.type_map[kind].fields
    password = SCHEMA.type_map["CreateAiProviderConnectionInput"].fields["apiAuthPassw"]
    assert password.description


def test_providers_are_one_interface_and_only_those_of_managers_have_a_connection():
    kinds = {kind.name: kind for kind in SCHEMA.get_possible_types(SCHEMA.type_map["AIProvider"])}
    assert kinds.keys() >= set(KINDS_OF_PROVIDERS)
    assert [name for name, kind in kinds.items() if "connection" in kind.fields] == ["TrapperAIProvider"]


def test_a_final_shows_the_observations_of_its_source():
    fields = SCHEMA.type_map["Classification"].fields
    assert str(fields["observations"].type) == "ClassificationDynamicAttrsConnection!"
    assert "approved row" in fields["observations"].description
