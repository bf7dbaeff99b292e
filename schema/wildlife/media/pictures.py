"""GraphQL types for charts."""

import strawberry

from app.services.wildlife.pictures import charts
from schema.row import shows


@shows(charts.ActivityChart)
class ActivityChart:
    local: list[int] = strawberry.field(description="Records by the hour of the location's clock, 24 numbers.")
    solar: list[int] = strawberry.field(description="Records by the hour of the sun, which is highest at 12:00.")
    link: str = strawberry.field(description="A temporary link to the chart as PNG.")
