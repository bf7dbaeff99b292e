"""What each mutation of people, teams and the system is given."""

from typing import Any

from app.models.accounts import User
from app.services.accounts.email.tokens import Purpose, token_of
from tests.factories import PASSWORD
from tests.permissions.world import BULK, INVITATION, World

NEW = "another good password"
OSM = {"code": "none", "state": "none", "secret": "none"}


def inputs(world: World) -> dict[str, dict[str, Any]]:
    """By the mutation's name; what takes nothing has an empty one. About the owner's things, the team, or nobody's."""
    team, owner = {"id": world.id("Team")}, world.rows["User"]
    assert isinstance(owner, User)
    address = str(owner.email)
    return {
        "requestSignUp": {"email": "new@fieldgraph.test"},
        "signUp": {
            "token": token_of(Purpose.SIGN_UP, "new@fieldgraph.test"),
            "username": "new",
            "password": NEW,
        },
        "requestPasswordReset": {"email": address},
        "resetPassword": {"token": token_of(Purpose.PASSWORD_RESET, address, owner), "password": NEW},
        "changePassword": {"currentPassword": PASSWORD, "newPassword": NEW},
        "requestEmailVerification": {"email": "new@fieldgraph.test", "currentPassword": PASSWORD},
        "verifyEmail": {"token": token_of(Purpose.EMAIL_VERIFICATION, "new@fieldgraph.test", owner)},
        "signIn": {"email": address, "password": PASSWORD},
        "signOut": {},
        "revokeSession": {"id": world.id("Session")},
        "revokeSessions": {"exceptCurrent": True},
        "createApiKey": {"name": "laptop", "scopes": ["READ"]},
        "renameApiKey": {"id": world.id("ApiKey"), "name": "desk"},
        "revokeApiKey": {"id": world.id("ApiKey")},
        "updateAccount": {"firstName": "Ann"},
        "updatePreferences": {"timeFormat": "H12"},
        "requestAccountDeletion": {},
        "cancelAccountDeletion": {},
        "updateProfile": {"bio": "Surveyor."},
        "requestAvatarUpload": {"mediaType": "image/png", "bytes": 1_000},
        "setAvatar": {"upload": "none"},
        "removeAvatar": {},
        "createTeam": {"name": "Walkers"},
        "renameTeam": team | {"name": "Walkers"},
        "leaveTeam": team,
        "removeTeamMember": team | {"userId": world.id("member")},
        "transferTeam": team | {"userId": world.id("member")},
        "deleteTeam": team,
        "createTeamInvitation": {"teamId": world.id("Team")},
        "regenerateTeamInvitation": {"id": world.id("TeamInvitation")},
        "revokeTeamInvitation": {"id": world.id("TeamInvitation")},
        "acceptTeamInvitation": {"token": INVITATION},
        "suspendUser": {"id": world.id("other"), "reason": "Spam."},
        "restoreUser": {"id": world.id("suspended")},
        "changeStaff": {"id": world.id("other"), "isStaff": True},
        "exportMyData": {},
        "startOsmAuthorization": {},
        "signInWithOsm": OSM,
        "linkOsmAccount": OSM,
        "unlinkOsmAccount": {},
        "markNotificationsRead": {"ids": [world.id("UserNotification")]},
        "markAllNotificationsRead": {},
        "deleteNotifications": {"ids": [world.id("UserNotification")]},
        "createBanner": {"message": "Soon."},
        "updateBanner": {"id": world.id("Banner"), "message": "Soon."},
        "buyTokens": {"usd": "1"},
        "updateSpendingRules": {"monthTokensMax": "5"},
        "startTopUp": {"usd": "1"},
        "deleteAutomaticTopUp": {},
        "setAutomaticTopUp": {"belowUsd": "1", "usd": "2", "monthUsdMax": "3"},
        "topUpBalance": {"userId": world.id("other"), "usd": "1", "reason": "Transfer."},
        "grantCredit": {
            "userId": world.id("other"),
            "name": "Welcome",
            "currency": "COUPON",
            "amount": "1",
            "reason": "A campaign.",
        },
        "issueCouponCode": {"code": "SUMMER26", "name": "Summer", "amount": "1", "usesMax": 5},
        "endCouponCode": {"id": world.id("CouponCode")},
        "redeemCoupon": {"code": "welcome"},
        "endGrant": {"id": world.id("Grant")},
        "proposeAdjustment": {"userId": world.id("other"), "currency": "USD", "change": "1", "reason": "A mistake."},
        "postAdjustment": {"id": world.id("Adjustment")},
        "rejectAdjustment": {"id": world.id("Adjustment")},
        "proposeReversal": {"operationId": world.id("operation to reverse"), "reason": "A mistake."},
        "postReversal": {"id": world.id("Reversal")},
        "rejectReversal": {"id": world.id("Reversal")},
        "deleteBanner": {"id": world.id("Banner")},
        "listMachine": {"machineId": world.id("machine of Listing"), "kind": "DATA_SOURCE", "priceUsd": "1"},
        "unlistMachine": {"id": world.id("Listing")},
        "buyListing": {"id": world.id("Listing"), "expectedPriceUsd": "0"},
        "buyCopyUpdate": {"id": world.id("Purchase"), "expectedPriceUsd": "0"},
        "reviewListing": {"id": world.id("bought"), "stars": 4},
        "deleteReview": {"id": world.id("ListingReview")},
        "createWebhook": {"url": "https://example.org/hook", "topics": ["FEED_UPDATED"]},
        "updateWebhook": {"id": world.id("Webhook"), "topics": ["FEED_UPDATED"]},
        "deleteWebhook": {"id": world.id("Webhook")},
        "rotateWebhookSecret": {"id": world.id("Webhook")},
        "sendWebhookTest": {"id": world.id("Webhook")},
        "startBulkQuery": {"document": BULK},
        "cancelBulkQuery": {"id": world.id("BulkQuery")},
        "redeliverWebhook": {"deliveryId": world.id("WebhookDelivery")},
    }
