"""The files of tests that take longest, longest first: the processes of a run then end at about the same time."""

FILES = (
    "tests/setup/test_up.py",
    "tests/mapping/test_feedback_loop.py",
    "tests/permissions/test_hidden.py",
    "tests/system/test_inputs.py",
    "tests/mapping/test_golden_path.py",
    "tests/parsing/test_hostile.py",
    "tests/setup/test_demo.py",
    "tests/system/test_text_lengths.py",
    "tests/accounts/test_scopes_of_results.py",
    "tests/system/test_blank_texts.py",
    "tests/system/test_links.py",
    "tests/system/test_worker.py",
    "tests/plan/test_same_answers.py",
    "tests/learning/test_adapting.py",
    "tests/learning/trainings/test_training.py",
    "tests/accounts/test_exports.py",
    "tests/system/test_replica.py",
    "tests/test_settings.py",
    "tests/wildlife/test_local_ai.py",
    "tests/learning/test_child.py",
    "tests/billing/test_faults.py",
    "tests/docs/test_examples.py",
    "tests/automl/test_client_calls.py",
    "tests/setup/test_cli.py",
    "tests/learning/imagery/test_multimasks.py",
    "tests/system/test_fair_queueing.py",
    "tests/permissions/test_matrix.py",
    "tests/permissions/test_hidden_live.py",
    "tests/browser/test_graphiql.py",
    "tests/learning/networks/test_efficient_unet.py",
    "tests/permissions/test_ownerless.py",
    "tests/wildlife/test_statistics.py",
    "tests/wildlife/test_species_classifiers.py",
    "tests/system/test_silent_servers.py",
    "tests/browser/test_look.py",
    "tests/accounts/test_email_requests.py",
    "tests/plan/test_lookups.py",
    "tests/gateways/test_imagery_servers.py",
    "tests/wildlife/test_classification_filters.py",
    "tests/test_discovery.py",
    "tests/accounts/test_scopes.py",
    "tests/browser/test_home.py",
    "tests/accounts/test_open_sessions.py",
)
PLACES = {name: place for place, name in enumerate(FILES)}


def place(name: str) -> int:
    """When a file begins: those that are not among the longest come behind, in their own order."""
    return PLACES.get(name, len(FILES))
