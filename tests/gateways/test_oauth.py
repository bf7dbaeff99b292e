"""What OpenStreetMap may answer when it is asked who somebody is."""

import pytest

from app.gateways import oauth


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"user": None},
        {"user": {"id": "7", "display_name": "x"}},
        {"user": {"id": 0, "display_name": "x"}},
        {"user": {"id": True, "display_name": "x"}},
        {"user": {"id": 2**63, "display_name": "x"}},
        {"user": {"id": 7}},
        {"user": {"id": 7, "display_name": None}},
        {"user": {"id": 7, "display_name": "a\0b"}},
    ],
)
def test_what_names_nobody_is_nobody(answer):
    with pytest.raises(oauth.Outage, match="sent an unexpected answer"):
        oauth._identity(answer)
