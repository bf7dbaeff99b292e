"""Whoever guesses a secret, or has a mail sent, pays a request for each: declared by every mutation that does it."""

import ast
import hmac

import pytest

from app.gateways import oauth
from app.security import credentials
from app.services.accounts.email import tokens
from app.services.billing.promotions import coupon_codes
from app.services.system import mail
from schema import schema
from schema.limits import Limits
from schema.metadata import ONCE_PER_OPERATION, metadata_of_mutations
from tests.called import named, nodes

# What compares a secret that a client sent, and what sends a mail.
MARKS = (
    credentials.password_matches,
    tokens.proof_in,
    hmac.compare_digest,
    oauth.identify,
    mail.post,
    coupon_codes.redeem,
)
MUTATIONS = schema._schema.mutation_type.fields
ONCE = {name for name, metadata in metadata_of_mutations(schema).items() if ONCE_PER_OPERATION in metadata}


def compares_token(node: ast.AST, where) -> bool:
    """Whether it looks for a row by the hash of a token."""
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    return any(isinstance(side, ast.Call) and named(side.func, where) is credentials.token_hash for side in sides)


def must_be_called_once(name: str) -> bool:
    resolver = MUTATIONS[name].extensions["strawberry-definition"].base_resolver.wrapped_func
    found = nodes(resolver)
    return any(
        compares_token(node, where) or any(named(node, where) is mark for mark in MARKS) for node, where in found
    )


@pytest.mark.parametrize("name", MUTATIONS)
def test_whatever_guesses_a_secret_or_sends_a_mail_is_called_once_in_an_operation(name):
    assert (name in ONCE) == must_be_called_once(name)


def test_those_that_do_are_found():
    expected = {
        "acceptTeamInvitation",
        "changePassword",
        "linkOsmAccount",
        "redeemCoupon",
        "requestAccountDeletion",
        "requestEmailVerification",
        "requestPasswordReset",
        "requestSignUp",
        "resetPassword",
        "signIn",
        "signInWithOsm",
        "signUp",
        "verifyEmail",
    }
    assert expected == ONCE
    assert expected == Limits(schema).once


@pytest.mark.parametrize("name", sorted(ONCE))
def test_it_is_told_in_its_description(name):
    assert "Can be called once per operation." in MUTATIONS[name].description


TWICE = {
    "mails": "a: requestAccountDeletion {{ {0} }} cancelAccountDeletion {{ {0} }} b: requestAccountDeletion {{ {0} }}",
    "guesses": 'a: acceptTeamInvitation(input: {{token: "x"}}) {{ {0} }} '
    '... on Mutation {{ b: acceptTeamInvitation(input: {{token: "y"}}) {{ {0} }} }}',
}


@pytest.mark.parametrize("what", TWICE)
async def test_no_operation_sends_or_guesses_twice(ask, unchanged, owner, what):
    async with unchanged():
        answer = await ask(f"mutation {{ {TWICE[what].format('__typename')} }}", viewer=owner)
    assert answer.codes == ["BAD_REQUEST"]
    assert not answer
