"""What the requirement says of money, by field, operation and rule: where each is, and which test is about it."""

from importlib import import_module

import pytest

from app.limits.billing import AMOUNT_DECIMALS, AMOUNT_DIGITS
from app.models.billing.ledger import EntryType, OperationKind
from schema import schema

TYPES = schema._schema.type_map
BALANCES = "test_wallets.test_balances_are_their_owners_and_seen_by_staff"
ENTRIES = "test_wallets.test_an_operation_shows_each_side_its_own_entries"
LISTS = "test_wallets.test_entries_are_listed_by_direction_and_currency"
ONE_OF_NINE = "test_wallets.test_exactly_one_of_the_nine_is_true"
FORMER = "test_wallets.test_the_former_bills_show_operations"
PAID = "test_prices.test_a_training_is_held_for_and_paid_with_the_end_of_its_job"
FIELDS = {
    "User.user_balance": ("User.userBalance", "Decimal", BALANCES),
    "User.user_ixioo_balance": ("User.userIxiooBalance", "Decimal", BALANCES),
    "User.coupon_balance": ("User.couponBalance", "Decimal", BALANCES),
    "Operation.id": ("Operation.uuid", "UUID!", ENTRIES),
    "Operation.machine": (
        "Operation.subject",
        "Node",
        "test_prices.test_who_owns_a_machine_pays_for_what_a_member_starts",
    ),
    "Operation.machine_owner": ("Operation.ownerUser", "User", ENTRIES),
    "Operation.operation_user": ("Operation.operationUser", "User", ENTRIES),
    "Operation.is_training_operation": ("Operation.isTrainingOperation", "Boolean!", ONE_OF_NINE),
    "Operation.is_solving_operation": ("Operation.isSolvingOperation", "Boolean!", ONE_OF_NINE),
    "Operation.is_solving_with_api_operation": ("Operation.isSolvingWithApiOperation", "Boolean!", ONE_OF_NINE),
    "Operation.is_solving_with_api_market_operation": (
        "Operation.isSolvingWithApiMarketOperation",
        "Boolean!",
        ONE_OF_NINE,
    ),
    "Operation.is_buy_data_source_operation": ("Operation.isBuyDataSourceOperation", "Boolean!", ONE_OF_NINE),
    "Operation.is_machine_copy_operation": ("Operation.isMachineCopyOperation", "Boolean!", ONE_OF_NINE),
    "Operation.is_machine_copy_update_operation": ("Operation.isMachineCopyUpdateOperation", "Boolean!", ONE_OF_NINE),
    "Operation.is_credit_from_user_operation": ("Operation.isCreditFromUserOperation", "Boolean!", ONE_OF_NINE),
    "Operation.is_pay_a_bill_operation": ("Operation.isPayABillOperation", "Boolean!", ONE_OF_NINE),
    "Operation.count_of_lines": ("Operation.countOfLines", "Int", PAID),
    "Operation.count_of_training_epoch": ("Operation.countOfTrainingEpoch", "Int", PAID),
    "Credit": ("Credit.amount", "Decimal!", LISTS),
    "Debit": ("Debit.amount", "Decimal!", LISTS),
    "CreditIXIOO": ("CreditIXIOO.amount", "Decimal!", LISTS),
    "DebitIXIOO": ("DebitIXIOO.amount", "Decimal!", LISTS),
    "Credit.user": ("Credit.user", "User", ENTRIES),
    "Billing.machine_owner_user": ("Billing.machineOwnerUser", "User", FORMER),
    "Billing.Operation_User": ("Billing.operationUser", "User", FORMER),
    "Billing.OperationIsTraining": ("Billing.operationIsTraining", "Boolean", FORMER),
    "Billing.CountOfLinesTraining": ("Billing.countOfLinesTraining", "Int", FORMER),
    "Billing.TrainingCostMachineUSD": ("Billing.trainingCostMachineUsd", "Decimal", FORMER),
    "Billing.OperationIsSolving": ("Billing.operationIsSolving", "Boolean", FORMER),
    "Billing.CountOfLinesSolvedOwner": ("Billing.countOfLinesSolvedOwner", "Int", FORMER),
    "Billing.SolvingCostMachineUSD": ("Billing.solvingCostMachineUsd", "Decimal", FORMER),
    "Billing.OperationIsSolvingAPI": ("Billing.operationIsSolvingApi", "Boolean", FORMER),
    "Billing.CountOfLinesSolvedAPI": ("Billing.countOfLinesSolvedApi", "Int", FORMER),
    "Billing.SolvingAPIIncomeUSD": ("Billing.solvingApiIncomeUsd", "Decimal", FORMER),
}
RULES = {
    "balances are never below zero": "test_ledger.test_nobody_spends_more_than_there_is",
    "amounts have 20 digits, 8 of them after the point": "test_ledger.test_the_smallest_amounts_arrive_whole",
    "a credit adds, a debit takes, and amounts are positive": ENTRIES,
    "operations have UUIDs and are kept": "test_ledger.test_neither_role_changes_or_removes_what_is_posted",
    "deleted users leave their operations without a name": (
        "test_known_cases.test_a_deleted_account_keeps_its_entries_without_a_name"
    ),
    "operations belong to one's history": LISTS,
    "who may do what is checked": "test_wallets.test_strangers_are_asked_to_sign_in",
}


def is_there(place: str) -> bool:
    module, _, name = place.partition(".")
    return callable(getattr(import_module(f"tests.billing.{module}"), name))


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_is_there_and_tested(name):
    where, kind, place = FIELDS[name]
    type_, field = where.split(".")
    assert str(TYPES[type_].fields[field].type) == kind
    assert is_there(place)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_tested(rule):
    assert is_there(RULES[rule])


def test_kinds_and_entries_are_those_of_the_requirement():
    flags = {name.removeprefix("Operation.is_") for name in FIELDS if name.startswith("Operation.is_")}
    assert flags == {f"{kind.value.lower()}_operation" for kind in OperationKind}
    assert {"CREDIT", "DEBIT", "CREDIT_IXIOO", "DEBIT_IXIOO"} <= {entry.value for entry in EntryType}
    assert (AMOUNT_DIGITS, AMOUNT_DECIMALS) == (20, 8)
