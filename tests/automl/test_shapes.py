"""Shapes of networks that somebody asks for."""

import pytest

from resolvers import ids
from tests import factories

SHAPE = {"HiddenLayerCount": 2, "NeuronPercentage1": 200, "LayerTypeActivation2": "dense_selu", "DropOut3": 0.1}


@pytest.fixture
async def id(database, owner):
    return ids.encode(await factories.machine(database, owner.id, machine_is_re_run_nn_config=False))


async def test_a_shape_is_kept_and_searched_no_more(change, owner, id):
    fields = "parameterNnShape machineIsReRunNnConfig machineIsReRunModel"
    changed = await change("updateMachine", fields, viewer=owner, id=id, parameterNnShape=SHAPE)
    assert changed["parameterNnShape"] == SHAPE
    assert (changed["machineIsReRunNnConfig"], changed["machineIsReRunModel"]) == (True, True)
    assert (await change("updateMachine", fields, viewer=owner, id=id, parameterNnShape=None))[
        "parameterNnShape"
    ] is None


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ([1], "Give an object"),
        ({"Neurons": 3}, "A network has no"),
        ({"HiddenLayerCount": 10}, "from 1 to 9"),
        ({"HiddenLayerCount": True}, "from 1 to 9"),
        ({"NeuronPercentage1": 2.5}, "from 3 to 1,087"),
        ({"DropOut1": 0.9}, "one of 0, 0.1, 0.2, 0.3"),
        ({"LayerTypeActivation1": "relu"}, "one of dense_relu"),
        ({"LayerTypeActivation1": ["dense_relu"]}, "one of dense_relu"),
        ({"BatchNormalization1": 1}, "is not available"),
    ],
)
async def test_a_shape_that_no_network_has_is_refused(refuse, owner, id, shape, said):
    refused = await refuse("updateMachine", viewer=owner, id=id, parameterNnShape=shape)
    assert (refused["field"], said in refused["message"]) == ("parameterNnShape", True)
