"""What people see of money: balances, operations, entries and the former bills."""

from resolvers import ids
from tests.billing.books import give, move

BALANCES = "query ($id: ID!) { user(id: $id) { userBalance userIxiooBalance couponBalance } }"
EMPTY = "0.00000000"
NOTHING = {"userBalance": None, "userIxiooBalance": None, "couponBalance": None}
OPERATIONS = """{ operations { nodes {
    uuid kind cause isPayABillOperation isCreditFromUserOperation operationUser { username }
    entries { nodes { __typename amount change currency position balance user { username } } }
} } }"""
FLAGS = """{ operations { nodes { isTrainingOperation isSolvingOperation isSolvingWithApiOperation
    isSolvingWithApiMarketOperation isBuyDataSourceOperation isMachineCopyOperation isMachineCopyUpdateOperation
    isCreditFromUserOperation isPayABillOperation } } }"""


async def test_balances_are_their_owners_and_seen_by_staff(ask, database, owner, other, staff):
    await give(database, owner.id, "12.5")
    for viewer, seen in (
        (owner, {"userBalance": "12.50000000", "userIxiooBalance": EMPTY, "couponBalance": EMPTY}),
        (staff, {"userBalance": "12.50000000", "userIxiooBalance": EMPTY, "couponBalance": EMPTY}),
        (other, NOTHING),
        (None, NOTHING),
    ):
        assert (await ask(BALANCES, viewer=viewer, id=ids.encode(owner.user)))["user"] == seen


async def test_every_amount_has_eight_decimals_also_nothing(ask, change, owner):
    document = """query ($since: DateTime!, $until: DateTime!) {
        me { userBalance userIxiooBalance couponBalance }
        statement(currency: EAML, since: $since, until: $until) { opening credited debited closing }
        balanceAt(currency: COUPON, at: $until) }"""
    seen = await ask(document, viewer=owner, since="2020-01-01T00:00:00Z", until="2090-01-01T00:00:00Z")
    amounts = [*seen["me"].values(), *seen["statement"].values(), seen["balanceAt"]]
    refused = await change("buyTokens", viewer=owner, usd="0.05")
    assert (refused["required"], refused["available"]) == ("0.05000000", EMPTY)
    assert amounts == [EMPTY] * 8


async def test_an_operation_shows_each_side_its_own_entries(ask, database, owner, other, staff):
    await give(database, owner.id, 10)
    await move(database, owner.id, other.id, 4, commission="0.4")
    [paid, came] = (await ask(OPERATIONS, viewer=owner))["operations"]["nodes"]
    assert (came["kind"], came["cause"], came["isCreditFromUserOperation"]) == ("CREDIT_FROM_USER", "TOP_UP", True)
    assert (paid["kind"], paid["isPayABillOperation"], paid["operationUser"]) == (
        "PAY_A_BILL",
        True,
        {"username": "owner"},
    )
    [debit] = paid["entries"]["nodes"]
    assert debit == {
        "__typename": "Debit",
        "amount": "4.00000000",
        "change": "-4.00000000",
        "currency": "USD",
        "position": 2,
        "balance": "6.00000000",
        "user": {"username": "owner"},
    }
    [sold] = (await ask(OPERATIONS, viewer=other))["operations"]["nodes"]
    assert [(each["__typename"], each["amount"]) for each in sold["entries"]["nodes"]] == [("Credit", "3.60000000")]
    [all_of_it, _] = (await ask(OPERATIONS, viewer=staff))["operations"]["nodes"]
    assert {each["__typename"] for each in all_of_it["entries"]["nodes"]} == {"PlatformEntry"}


async def test_exactly_one_of_the_nine_is_true(ask, database, owner, other):
    await give(database, owner.id, 10)
    await move(database, owner.id, other.id, 4)
    nodes = (await ask(FLAGS, viewer=owner))["operations"]["nodes"]
    assert [list(each.values()).count(True) for each in nodes] == [1, 1]


async def test_entries_are_listed_by_direction_and_currency(ask, database, owner, other):
    await give(database, owner.id, 10)
    await move(database, owner.id, other.id, 4)
    answer = await ask(
        "{ credits { nodes { amount } } debits { nodes { amount } } creditsIxioo { nodes { amount } } "
        "debitsIxioo { nodes { amount } } }",
        viewer=owner,
    )
    assert answer == {
        "credits": {"nodes": [{"amount": "10.00000000"}]},
        "debits": {"nodes": [{"amount": "4.00000000"}]},
        "creditsIxioo": {"nodes": []},
        "debitsIxioo": {"nodes": []},
    }


async def test_the_former_bills_show_operations(ask, database, owner):
    await give(database, owner.id, 10)
    answer = await ask("{ billings { nodes { creditFromUser creditFromIxioo operationIsTraining } } }", viewer=owner)
    [bill] = answer["billings"]["nodes"]
    assert bill == {"creditFromUser": "10.00000000", "creditFromIxioo": None, "operationIsTraining": None}


async def test_strangers_are_asked_to_sign_in(ask):
    for field in ("operations", "credits", "debits", "creditsIxioo", "debitsIxioo", "billings"):
        assert (await ask(f"{{ {field} {{ totalCount }} }}")).codes == ["UNAUTHENTICATED"]
