"""Operations that a plan answers instead of the executor."""

from typing import ClassVar

import httpx
import pytest
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.errors import Unavailable, Unplanned


class Echo:
    """A plan that says with what it was asked."""

    async def data(self, context, variables, steps=None):
        text = variables.coerced["text"]
        match text:
            case "unplanned":
                raise Unplanned
            case "busy":
                raise Unavailable("The database is busy.")
            case "bug":
                raise RuntimeError("the secret is 42")
        return b'{"echo":"%b of viewer %d"}' % (text.encode(), context.viewer_id or 0)


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Takes the plan of a mutation, and executes it all the same."""

    given: ClassVar[list] = []

    def __init__(self, *args, plan=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.given.append(plan)


class Echoes:
    """Plans every operation that has variables."""

    executor = Executor

    def __init__(self):
        self.asked = []

    def of(self, document, node):
        self.asked.append(node.name.value)
        return Echo() if node.variable_definitions else None


@pytest.fixture
async def planned(serve):
    plans = Echoes()
    async with (
        serve(plans=plans) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=60) as http,
    ):

        async def ask(query, **variables):
            headers = {"authorization": "Bearer viewer-7", "accept": "application/graphql-response+json"}
            return await http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)

        ask.plans = plans
        yield ask


QUERY = 'query Q($text: String! = "by default") { echo(text: $text) }'


async def test_a_plan_gets_the_viewer_and_the_coerced_variables(planned):
    answer = await planned(QUERY, text="x")
    assert answer.content == b'{"data":{"echo":"x of viewer 7"},"extensions":{"cost":{"requested":1,"max":20000}}}'
    assert (await planned(QUERY)).json()["data"] == {"echo": "by default of viewer 7"}


async def test_an_operation_is_planned_once(planned):
    for _ in range(3):
        await planned(QUERY, text="x")
        await planned("query P { greeting }")
    assert planned.plans.asked == ["Q", "P"]


async def test_what_a_plan_cannot_answer_is_executed(planned):
    assert (await planned(QUERY, text="unplanned")).json()["data"] == {"echo": "unplanned"}
    assert (await planned("query P { greeting }")).json()["data"] == {"greeting": "hello"}


async def test_a_mutation_is_executed_and_its_plan_handed_to_the_executor(planned):
    answer = await planned("mutation M($name: String!) { rename(name: $name) }", name="x")
    assert answer.json()["data"] == {"rename": "x"}
    assert planned.plans.asked == ["M"]
    assert isinstance(Executor.given[-1], Echo)


async def test_wrong_variables_are_refused_before_the_plan(planned):
    answer = await planned(QUERY, text=1)
    assert answer.status_code == 400
    assert "data" not in answer.json()
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(("text", "status", "code"), [("busy", 503, "UNAVAILABLE"), ("bug", 500, "INTERNAL")])
async def test_a_plan_that_fails_is_told_as_any_failure(planned, text, status, code):
    answer = await planned(QUERY, text=text)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert "secret" not in answer.text
