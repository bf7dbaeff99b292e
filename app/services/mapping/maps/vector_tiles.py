"""The layers of vector tiles: labels, areas and predicted features."""

from sqlalchemy import Select, select

from app.models.mapping.datasets import AOI, Dataset, Label
from app.models.mapping.predictions import PredictedFeature, Prediction
from app.models.mapping.trainings import Model, Training
from app.services.vector_tiles import Layer


def _trained_on(training_id: int) -> Select[int]:
    return select(Model.dataset_id).join(Training, Training.model_id == Model.id).where(Training.id == training_id)


LAYERS = {
    "labels": Layer(
        Label,
        lambda _: Label.geom,
        {"origin": Label.origin, "osm_id": Label.osm_id, "osm_type": Label.osm_type, "tags": Label.tags},
        {
            AOI: lambda key: Label.aoi_id == key,
            Dataset: lambda key: Label.aoi.has(AOI.dataset_id == key),
            Training: lambda key: Label.aoi.has(AOI.dataset_id.in_(_trained_on(key))),
        },
    ),
    "aois": Layer(
        AOI,
        lambda _: AOI.geom,
        {"label_status": AOI.label_status},
        {Dataset: lambda key: AOI.dataset_id == key, Training: lambda key: AOI.dataset_id.in_(_trained_on(key))},
    ),
    "predictions": Layer(
        PredictedFeature,
        lambda _: PredictedFeature.geom,
        {
            "confidence": PredictedFeature.confidence,
            "area_m2": PredictedFeature.area_m2,
            "verdict": PredictedFeature.verdict,
        },
        {
            Prediction: lambda key: PredictedFeature.prediction_id == key,
            Training: lambda key: PredictedFeature.prediction.has(Prediction.training_id == key),
            Dataset: lambda key: PredictedFeature.prediction.has(
                Prediction.training_id.in_(
                    select(Training.id).join(Model, Training.model_id == Model.id).where(Model.dataset_id == key)
                )
            ),
        },
    ),
}
