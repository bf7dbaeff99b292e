"""The five questions, in our words and in PostGraphile's, and what we want to reach with each."""

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Question:
    """One of the five: what it asks, of which row, and how many times the fastest peer's rate we want."""

    name: str
    what: str
    text: str
    goal: float
    row: tuple[str, int] | None = None
    nested: bool = True

    @property
    def ours(self) -> dict[str, Any]:
        """The request, by global id."""
        if self.row is None:
            return {"query": self.text}
        id = urlsafe_b64encode("{}:{}".format(*self.row).encode()).decode().rstrip("=")
        return {"query": self.text, "variables": {"id": id}}

    @property
    def postgraphile(self) -> dict[str, Any]:
        """The same request of the schema PostGraphile makes of the tables; its lists begin with the oldest row."""
        text = re.sub(r"\bid\b(?!:)", "id: rowId", self.text.replace("$id", "$key")).replace("(id: $", "(rowId: $")
        text = text.replace("$key: ID!", "$key: BigInt!").replace("aoi(rowId", "aoi: aois(rowId")
        text = text.replace("aois(first", "aois: aoises(first").replace("labels(first", "labels: labelsByAoiId(first")
        text = re.sub(r"\((first: \d+)\)", r"(\1, orderBy: [PRIMARY_KEY_DESC])", text)
        return {"query": text} if self.row is None else {"query": text, "variables": {"key": str(self.row[1])}}


QUESTIONS = [
    # A dataset has seven scalars; three come twice.
    Question(
        "Q1",
        "one dataset by id, 10 scalars",
        """query ($id: ID!) { dataset(id: $id) {
            id name sourceImagery status offset createdAt lastModified title: name state: status made: createdAt
        } }""",
        goal=1.0,
        row=("Dataset", 2_500),
        nested=False,
    ),
    Question(
        "Q2",
        "100 datasets with their user and 10 areas each",
        """{ datasets(first: 100) {
            edges { cursor node {
                id name status createdAt user { id username } aois(first: 10) { nodes { id labelStatus createdAt } }
            } }
            pageInfo { hasNextPage endCursor }
        } }""",
        goal=1.6,
    ),
    Question(
        "Q3",
        "1 000 labels of one area, 6 fields",
        """query ($id: ID!) { aoi(id: $id) { labels(first: 1000) { nodes {
            id geom origin osmId tags createdAt
        } } } }""",
        goal=2.5,
        row=("AOI", 1),
        nested=False,
    ),
    # There are no posts yet; models have the same shape: an author, a count, some children with authors of their own.
    Question(
        "Q4",
        "50 models with author, count and 3 trainings with author",
        """{ models(first: 50) { nodes {
            id name createdAt user { id username }
            trainings(first: 3) { totalCount nodes { id status createdAt user { id username } } }
        } } }""",
        goal=1.2,
    ),
    # There is no list of users; the newest ten datasets have ten different ones.
    Question(
        "Q5",
        "10 users, 2 datasets, 5 areas, 5 labels, their area",
        """{ datasets(first: 10) { nodes { user { id username datasets(first: 2) { nodes {
            id name aois(first: 5) { nodes {
                id labelStatus labels(first: 5) { nodes { id origin osmId aoi { id labelStatus } } }
            } }
        } } } } } }""",
        goal=1.8,
    ),
]
