"""Signatures as Standard Webhooks defines them, with its own example."""

from app.services.integrations import signatures
from app.services.integrations.signatures import Key

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_the_specification_has_its_signature():
    headers = signatures.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", at=1_614_265_330, body=BODY, keys=[Key("key_1", SECRET)]
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
        "webhook-key-id": "key_1",
    }


def test_two_keys_sign_in_the_order_in_which_they_are_named():
    keys = [signatures.new_key(), Key("key_1", SECRET)]
    headers = signatures.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at=1_614_265_330, body=BODY, keys=keys)
    first, second = headers["webhook-signature"].split(" ")
    assert (first != second, second) == (True, SIGNATURE)
    assert headers["webhook-key-id"] == f"{keys[0].id} key_1"
