"""The requirement's `ConsultingRequest`, by field and by state: where each is, and which test is about it."""

import pytest

from app.models.consulting.requests import CODES, ConsultingCategory, ConsultingState
from schema import schema
from tests.consulting import test_contracts, test_correspondence, test_deadlines, test_proposals, test_races

REQUEST = schema._schema.type_map["ConsultingRequest"]
TESTS = (test_contracts, test_deadlines, test_proposals, test_races, test_correspondence)
FIELDS = {
    "user": ("user", "User", "test_from_a_request_to_the_payment"),
    "team": ("team", "Team", "test_a_team_takes_part_and_one_pays"),
    "category": ("category", "ConsultingCategory!", "test_from_a_request_to_the_payment"),
    "category (its digit)": ("categoryCode", "String!", "test_from_a_request_to_the_payment"),
    "description": ("description", "String!", "test_from_a_request_to_the_payment"),
    "file": ("files", "ConsultingFileConnection!", "test_a_file_is_added_and_downloaded_as_an_attachment"),
    "uploaded_file": ("files", "ConsultingFileConnection!", "test_an_upload_is_used_once"),
    "machine": ("machine", "Machine", "test_a_contract_outlives_its_team_and_its_machine"),
    "is_status_request_open": (
        "isStatusRequestOpen",
        "Boolean!",
        "test_exactly_one_of_the_former_booleans_is_true",
    ),
    "is_status_waiting_consultant_approval": (
        "isStatusWaitingConsultantApproval",
        "Boolean!",
        "test_exactly_one_of_the_former_booleans_is_true",
    ),
    "is_status_contract": ("isStatusContract", "Boolean!", "test_exactly_one_of_the_former_booleans_is_true"),
    "is_status_contract_finished": (
        "isStatusContractFinished",
        "Boolean!",
        "test_exactly_one_of_the_former_booleans_is_true",
    ),
    "is_status_contract_failed": (
        "isStatusContractFailed",
        "Boolean!",
        "test_exactly_one_of_the_former_booleans_is_true",
    ),
    "is_status_contract_cancel": (
        "isStatusContractCancel",
        "Boolean!",
        "test_exactly_one_of_the_former_booleans_is_true",
    ),
    "waiting_consultant_approval_date_time": (
        "waitingConsultantApprovalDateTime",
        "DateTime",
        "test_from_a_request_to_the_payment",
    ),
    "contract_start_date_time": ("contractStartDateTime", "DateTime", "test_from_a_request_to_the_payment"),
    "contract_end_date_time": ("contractEndDateTime", "DateTime", "test_from_a_request_to_the_payment"),
    "date_time_creation": ("dateTimeCreation", "DateTime!", "test_from_a_request_to_the_payment"),
    "consultant_user": ("consultantUser", "User", "test_from_a_request_to_the_payment"),
    "amount_usd": ("amountUsd", "Decimal", "test_from_a_request_to_the_payment"),
    "budget_estimation": ("budgetEstimation", "Decimal", "test_from_a_request_to_the_payment"),
    "delay_days": ("delayDays", "Int", "test_from_a_request_to_the_payment"),
}
STATES = {
    ConsultingState.OPEN: "test_a_proposal_can_be_withdrawn_and_made_again",
    ConsultingState.PROPOSED: "test_a_proposal_is_accepted_by_who_asked_alone",
    ConsultingState.CONTRACT: "test_from_a_request_to_the_payment",
    ConsultingState.SUBMITTED: "test_silence_of_the_client_pays",
    ConsultingState.CHANGES_WANTED: "test_silence_of_the_consultant_returns_what_is_held",
    ConsultingState.DISPUTED: "test_staff_decide_a_dispute_and_it_is_audited",
    ConsultingState.FINISHED: "test_from_a_request_to_the_payment",
    ConsultingState.FAILED: "test_a_settlement_splits_what_is_held",
    ConsultingState.CANCELLED: "test_the_client_cancels_before_a_contract_and_the_consultant_under_one",
}


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_is_there_and_tested(name):
    field, kind, test = FIELDS[name]
    assert str(REQUEST.fields[field].type) == kind
    assert any(hasattr(module, test) for module in TESTS), test


def test_each_state_is_tested():
    assert set(STATES) == set(ConsultingState)
    assert all(any(hasattr(module, test) for module in TESTS) for test in STATES.values())


def test_categories_have_the_digits_that_they_had():
    assert CODES == {
        ConsultingCategory.DATA_ENGINEERING: "1",
        ConsultingCategory.MACHINE_PERFORMANCE: "2",
        ConsultingCategory.API_INTEGRATION: "3",
        ConsultingCategory.OTHER: "4",
    }
