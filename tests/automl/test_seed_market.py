"""The requirement's market of a machine, by field: where each is, and which test is about it."""

import pytest

from app.models.automl.market import ListingKind, PurchaseKind, PurchaseState
from app.models.billing.ledger import OperationKind
from schema import schema
from tests.automl import test_market_calls, test_market_listings, test_market_purchases

TESTS = (test_market_calls, test_market_listings, test_market_purchases)
A_COPY = "test_a_copy_is_paid_once_its_lines_are_there"
A_CALL = "test_l18_the_caller_pays_price_and_fee_and_the_seller_gets_the_rest"
BOTH_SAY = "test_a_listing_sets_the_fields_of_the_machine_and_they_set_the_listing"
LINES = "test_lines_that_were_bought_can_be_read_and_the_seller_is_paid"
UPDATE = "test_an_update_replaces_the_lines_that_came_with_a_copy"
INCOME = "test_callers_see_their_usage_and_sellers_their_income_without_names"
FIELDS = {
    "Machine.machineDataSourceIsPublic": ("Boolean!", LINES),
    "Machine.machineDataSourceSampleOnlyPublic": ("Boolean!", "test_a_card_shows_a_bounded_sample_of_what_is_for_sale"),
    "Machine.machineDataSourcePriceUsd": ("Decimal", "test_prices_are_free_or_at_least_the_minimum"),
    "Machine.machineApiSolvingIsPublic": ("Boolean!", A_CALL),
    "Machine.machineApiSolvingPriceUsd": ("Decimal", "test_what_changes_while_it_is_answered_is_not_charged"),
    "Machine.machineMachineIsDuplicatable": ("Boolean!", BOTH_SAY),
    "Machine.machineMachineCopyCostUsd": ("Decimal", BOTH_SAY),
    "Machine.machineMachineCopyUpdateCostUsd": ("Decimal", BOTH_SAY),
    "Machine.machineOriginal": ("Machine", A_COPY),
    "Operation.isSolvingWithApiMarketOperation": ("Boolean!", A_CALL),
    "Operation.isBuyDataSourceOperation": ("Boolean!", LINES),
    "Operation.isMachineCopyOperation": ("Boolean!", A_COPY),
    "Operation.isMachineCopyUpdateOperation": ("Boolean!", UPDATE),
    "Operation.ownerUser": ("User", A_CALL),
    "Operation.operationUser": ("User", INCOME),
}
KINDS = {
    ListingKind.API_SOLVING: A_CALL,
    ListingKind.DATA_SOURCE: LINES,
    ListingKind.MACHINE_COPY: A_COPY,
    PurchaseKind.DATA_SOURCE: LINES,
    PurchaseKind.MACHINE_COPY: A_COPY,
    PurchaseKind.MACHINE_COPY_UPDATE: UPDATE,
    PurchaseState.PENDING: A_COPY,
    PurchaseState.COMPLETED: LINES,
    PurchaseState.FAILED: "test_a_copy_that_cannot_be_made_costs_nothing",
    OperationKind.SOLVING_WITH_API_MARKET: A_CALL,
    OperationKind.BUY_DATA_SOURCE: LINES,
    OperationKind.MACHINE_COPY: A_COPY,
    OperationKind.MACHINE_COPY_UPDATE: UPDATE,
}
RULES = {
    "sample before a purchase": "test_a_card_shows_a_bounded_sample_of_what_is_for_sale",
    "licence terms are stored with the sale": LINES,
    "the price is that of the purchase": "test_another_price_than_expected_is_not_charged",
    "access stays": "test_what_was_bought_stays_when_the_offer_ends_the_seller_is_suspended_or_the_machine_deleted",
    "the caller's usage, and the seller's income": INCOME,
    "limits of the seller": "test_a_seller_limits_what_an_account_asks_in_a_day",
    "limits of the buyer": "test_limits_that_a_buyer_sets_hold_in_the_market",
    "reviews by who bought": "test_only_who_bought_reviews_and_once",
    "search and sort": "test_offers_are_found_and_sorted",
    "a minimum price": "test_prices_are_free_or_at_least_the_minimum",
    "own calls cost no price": "test_who_uses_a_machine_pays_no_price",
    "no answer costs nothing": "test_no_answer_costs_nothing",
    "suspended sellers sell nothing": "test_a_suspended_seller_offers_nothing",
    "bought once": "test_the_same_is_bought_once",
    "not one's own, not the unlisted": "test_what_is_not_sold_is_refused_and_nothing_moves",
    "coupons go to nobody else": "test_coupons_pay_the_fee_and_no_price_and_no_commission",
}


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_is_there_and_tested(name):
    kind, _, field = name.partition(".")
    shown, test = FIELDS[name]
    assert str(schema._schema.type_map[kind].fields[field].type) == shown
    assert any(hasattr(module, test) for module in TESTS)


def test_each_kind_state_and_rule_is_tested():
    kinds = {*ListingKind, *PurchaseKind, *PurchaseState}
    assert kinds <= KINDS.keys()
    for test in (*KINDS.values(), *RULES.values()):
        assert any(hasattr(module, test) for module in TESTS), test
