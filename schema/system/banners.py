"""GraphQL types for announcements."""

import strawberry
from strawberry import auto

from app.models import choices as choice_tables
from app.models import system as system_tables
from app.services.system.banners import BannerChange
from resolvers.enums import show_enum
from resolvers.system import banners as resolve
from schema.fields import Connection, computed, connection, cursor, mutation, subscription
from schema.problems import InvalidInput
from schema.row import Row, shows

show_enum(BannerChange)


class Banner(Row, of=system_tables.Banner):
    message: auto
    start_date: auto
    end_date: auto
    is_displayable: bool = computed(resolve.displayable)
    created_at: auto


@shows(resolve.BannerEvent)
class BannerEvent:
    cursor: str = cursor()
    change: BannerChange = strawberry.field(description="What happened to the announcement.")
    banner_id: strawberry.ID = strawberry.field(description="The announcement's id.")
    banner: Banner | None = strawberry.field(
        description="The announcement as it is now; null if it is no longer shown."
    )


@strawberry.type
class BannersQuery:
    banners: Connection[Banner] = connection(resolve.banners)


@strawberry.type
class BannersMutation:
    create_banner: Banner | InvalidInput = mutation(resolve.create_banner, scope=choice_tables.Scope.ADMIN)
    update_banner: Banner | InvalidInput = mutation(resolve.update_banner, scope=choice_tables.Scope.ADMIN)
    delete_banner: strawberry.ID = mutation(resolve.delete_banner, scope=choice_tables.Scope.ADMIN)


@strawberry.type
class BannersSubscription:
    banner_changed: BannerEvent = subscription(resolve.banner_changed)
