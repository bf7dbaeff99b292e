"""The files of tests that take longest, longest first: the processes of a run then end at about the same time."""

FILES = (
    "tests/plan/test_same_answers.py",
    "tests/plan/test_same_changes.py",
    "tests/plan/test_same_events.py",
    "tests/system/test_inputs.py",
    "tests/setup/test_up.py",
    "tests/permissions/test_hidden.py",
    "tests/learning/test_child.py",
    "tests/wildlife/test_classification_filters.py",
    "tests/learning/test_training.py",
    "tests/wildlife/test_local_ai.py",
    "tests/permissions/test_matrix.py",
    "tests/system/test_worker.py",
    "tests/system/test_blank_texts.py",
    "tests/system/test_silent_servers.py",
    "tests/wildlife/test_frames_of_classifications.py",
    "tests/browser/test_account.py",
    "tests/web/test_fuzz.py",
    "tests/wildlife/test_imports_of_packages.py",
    "tests/browser/test_graphiql.py",
    "tests/parsing/test_hostile.py",
    "tests/setup/test_cli.py",
    "tests/wildlife/test_classification_rights.py",
    "tests/learning/test_multimasks.py",
    "tests/system/test_text_lengths.py",
    "tests/accounts/test_api.py",
    "tests/system/test_silent_services.py",
    "tests/wildlife/test_species_classifiers.py",
    "tests/wildlife/test_statistics.py",
    "tests/mapping/test_prediction_parts.py",
    "tests/learning/test_species.py",
    "tests/setup/test_demo.py",
)
PLACES = {name: place for place, name in enumerate(FILES)}


def place(name: str) -> int:
    """When a file begins: those that are not among the longest come behind, in their own order."""
    return PLACES.get(name, len(FILES))
