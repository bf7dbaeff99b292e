"""The golden path as a client goes it, and what happens off it."""

CREATE = """
mutation ($name: String!, $imagery: String) {
  createDataset(input: {name: $name, sourceImagery: $imagery}) {
    __typename
    ... on Dataset { id name sourceImagery status offset user { username } }
    ... on InvalidInput { code field message }
  }
}
"""


async def test_a_dataset_is_made_and_found_again(ask, owner):
    made = (await ask(CREATE, viewer=owner, name="Village", imagery="https://tiles.example.org/{z}/{x}/{y}.png"))[
        "createDataset"
    ]
    id = made.pop("id")
    assert made == {
        "__typename": "Dataset",
        "name": "Village",
        "sourceImagery": "https://tiles.example.org/{z}/{x}/{y}.png",
        "status": "DRAFT",
        "offset": [0.0, 0.0],
        "user": {"username": "owner"},
    }
    found = await ask("query ($id: ID!) { dataset(id: $id) { id name } node(id: $id) { id } }", id=id)
    assert found == {"dataset": {"id": id, "name": "Village"}, "node": {"id": id}}
