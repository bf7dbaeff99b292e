"""GraphQL types and mutations of graphs."""

import strawberry

from resolvers.automl import graphs as resolve
from schema.automl.machines import Graph
from schema.fields import field, mutation
from schema.problems import InvalidInput, LimitReached
from schema.row import shows


@shows(resolve.FormerGraph)
class FormerGraph:
    graph_id: strawberry.ID = strawberry.field(description="The id of the graph.")


@strawberry.type
class GraphsQuery:
    graph: Graph | None = field(resolve.graph)


@strawberry.type
class GraphsMutation:
    create_graph: Graph | InvalidInput | LimitReached = mutation(resolve.create_graph)
    update_graph: Graph | InvalidInput = mutation(resolve.update_graph)
    delete_graph: FormerGraph = mutation(resolve.delete_graph)
