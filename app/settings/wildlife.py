"""Camera-trap media, their sequences and tables."""

from pydantic import BaseModel, Field

from app.settings.kinds import Bytes, Count, Days, Duration, WholeDuration
from app.settings.units import MIB


class WildlifeSettings(BaseModel):
    """Camera-trap media, their sequences and tables."""

    media_uploads_at_once_max: Count = Field(default=500, description="Media that are asked for in one request.")
    keywords_max: Count = Field(default=50, description="Keywords of a research project.")
    locations_per_project_max: Count = Field(default=20_000, description="Locations of a research project.")
    deployments_per_project_max: Count = Field(default=50_000, description="Deployments of a research project.")
    failures_per_deployment_max: Count = Field(default=1_000, description="Failures of a deployment.")
    research_project_members_max: Count = Field(default=500, description="Members of a research project.")
    media_uploads_waiting_max: Count = Field(
        default=500_000, description="Media of an account in a project that wait to be sent or read."
    )
    media_batches_per_hour_max: Count = Field(
        default=2_000, description="Requests of an account in an hour that ask for media."
    )
    media_bytes_per_hour_max: Bytes = Field(
        default=256 * 1_024 * MIB, description="Bytes of media that an account may upload in an hour."
    )
    medium_bytes_max: Bytes = Field(default=2_048 * MIB, description="Bytes of one picture, video or sound.")
    medium_pixels_max: Count = Field(default=200_000_000, description="Pixels of a picture or of a frame of a video.")
    medium_frames_max: Count = Field(default=200_000, description="Frames of a video that are counted.")
    sequence_gap_s: Count = Field(
        default=300, description="Pause between two media that begins a new sequence, unless a deployment has its own."
    )
    table_bytes_max: Bytes = Field(default=4 * MIB, description="Bytes of a table of locations or deployments.")
    table_rows_max: Count = Field(default=10_000, description="Rows of a table of locations or deployments.")
    species_bytes_max: Bytes = Field(default=64 * MIB, description="Bytes of a list of species.")
    media_uploads_kept_days: Days = Field(default=14, description="Days that files of media wait to be read.")
    species_rows_max: Count = Field(default=500_000, description="Rows of a table of species.")
    media_archive_bytes_max: Bytes = Field(default=8_192 * MIB, description="Bytes of media unpacked from an archive.")
    media_archive_files_max: Count = Field(default=50_000, description="Files in an archive of media.")
    media_fetched_at_once_max: Count = Field(
        default=50_000, description="Media that are fetched from their addresses by one job."
    )
    media_fetch_s_max: Duration = Field(default=300, description="Time to fetch one medium from its address.")
    media_read_cpu_s_max: Duration = Field(default=120, description="Processor time to read one medium.")

    # Imports and exports
    import_bytes_max: Bytes = Field(default=768 * MIB, description="Bytes of a file of results, or of a package.")
    import_files_max: Count = Field(default=100, description="Files of one import.")
    import_unpacked_bytes_max: Bytes = Field(
        default=8_192 * MIB, description="Bytes that one packed file of an import may unpack to."
    )
    import_cpu_s_max: Duration = Field(default=3_600, description="Processor time to read the files of an import.")
    wildlife_exports_kept_days: Days = Field(
        default=30, description="Days that the file of an export of camera-trap data is kept."
    )
    import_problems_max: Count = Field(default=1_000, description="Problems that an import keeps; all are counted.")

    # Classifications
    observations_per_classification_max: Count = Field(default=1_000, description="Observations of one classification.")
    classifications_at_once_max: Count = Field(
        default=200, description="Media that are marked or classified in one request."
    )
    bulk_approvals_max: Count = Field(default=10_000, description="Classifications of one bulk approval.")
    collection_fill_max: Count = Field(
        default=20_000,
        description="Media of a collection that enter a project at once; a job adds those of larger ones.",
    )
    custom_attributes_max: Count = Field(default=100, description="Attributes of one classificator.")
    attribute_values_max: Count = Field(default=500, description="Values that one attribute lists.")
    bulk_items_page_size_max: Count = Field(default=1_000, description="Rows on a page of results of a bulk approval.")

    # AI Managers
    ai_s_max: Duration = Field(default=30, description="Time for one answer of an AI Manager.")
    ai_reply_bytes_max: Bytes = Field(default=4 * MIB, description="Bytes of an answer of an AI Manager.")
    ai_results_s_max: Duration = Field(default=600, description="Time to fetch a part of an AI Manager's results.")
    ai_results_bytes_max: Bytes = Field(default=32 * MIB, description="Bytes of a part of an AI Manager's results.")
    ai_parts_max: Count = Field(default=10_000, description="Parts that the results of one batch may come in.")
    ai_batch_resources_max: Count = Field(default=1_000, description="Media of one batch for an AI Manager.")
    ai_resources_max: Count = Field(default=500_000, description="Media of one AI classification job.")
    ai_poll_s: Duration = Field(default=30, description="Shortest pause before an AI Manager is asked again.")
    ai_poll_s_max: Duration = Field(default=300, description="Longest pause before an AI Manager is asked again.")
    ai_age_s_max: Duration = Field(default=86_400, description="Time after which an unfinished AI job fails.")
    ai_submissions_max: Count = Field(default=5, description="Times a batch is sent to a manager that forgot it.")
    ai_link_s: WholeDuration = Field(default=86_400, description="How long an AI Manager may fetch a medium.")
    ai_callback_bytes_max: Bytes = Field(default=16 * 1_024, description="Bytes of a callback of an AI Manager.")
    ai_connections_max: Count = Field(default=20, description="Connections to AI Managers of an account.")
    ai_providers_max: Count = Field(default=200, description="External AI providers of an account.")
    frames_samples_max: Count = Field(default=20_000, description="Samples of one answer with frames.")

    # Local providers
    local_batch_media_max: Count = Field(default=100, description="Media that a local provider takes in one turn.")

    # Classifiers of species
    species_crops_per_class_min: Count = Field(
        default=30, description="Approved crops of a species that a classifier needs."
    )
    species_crops_per_class_max: Count = Field(
        default=1_000, description="Approved crops of one species that a classifier learns from."
    )
    species_classes_max: Count = Field(default=200, description="Species that a classifier tells apart.")
    species_trainings_per_hour_max: Count = Field(
        default=20, description="Trainings of classifiers that an account may start in an hour."
    )
