"""GraphQL types for sign-in with OpenStreetMap."""

from datetime import datetime

import strawberry
from strawberry import auto

from app.models import accounts as account_tables
from app.services.accounts.sign_in import osm
from resolvers.accounts import osm as resolve
from schema.accounts.sessions import SignedIn
from schema.accounts.users import User
from schema.fields import mutation
from schema.problems import Conflict, InvalidInput, Unavailable
from schema.row import Row, shows


class OsmAccount(Row, of=account_tables.OsmAccount):
    created_at: auto
    osm_id: auto
    username: auto
    img_url: auto


@shows(osm.OsmAuthorization)
class OsmAuthorization:
    url: str = strawberry.field(description="The URL to send the browser to.")
    secret: str = strawberry.field(
        description="Keep it in this browser and send it when it returns: it proves that this browser started."
    )
    expires_at: datetime = strawberry.field(description="When the sign-in expires.")


@strawberry.type
class OsmMutation:
    start_osm_authorization: OsmAuthorization | InvalidInput | Unavailable = mutation(
        resolve.start_osm_authorization, scope=None, keyed=False
    )
    sign_in_with_osm: SignedIn | InvalidInput | Unavailable = mutation(
        resolve.sign_in_with_osm, once_per_operation=True, scope=None, keyed=False
    )
    link_osm_account: User | InvalidInput | Conflict | Unavailable = mutation(
        resolve.link_osm_account, once_per_operation=True, scope=None
    )
    unlink_osm_account: User | Conflict = mutation(resolve.unlink_osm_account, scope=None)
