"""The files of tests that take longest, longest first: the processes of a run then end at about the same time."""

FILES = (
    "tests/permissions/test_hidden.py",
    "tests/mapping/test_feedback_loop.py",
    "tests/setup/test_up.py",
    "tests/system/test_inputs.py",
    "tests/mapping/test_golden_path.py",
    "tests/permissions/test_hidden_live.py",
    "tests/setup/test_demo.py",
    "tests/parsing/test_hostile.py",
    "tests/browser/test_graphiql.py",
    "tests/accounts/test_scopes_of_results.py",
    "tests/learning/trainings/test_training.py",
    "tests/permissions/test_matrix.py",
    "tests/plan/test_same_answers.py",
    "tests/learning/imagery/test_multimasks.py",
    "tests/gateways/test_imagery_servers.py",
    "tests/setup/test_cli.py",
    "tests/wildlife/test_local_ai.py",
    "tests/system/test_replica.py",
    "tests/learning/test_child.py",
    "tests/test_settings.py",
    "tests/system/test_worker.py",
    "tests/learning/test_adapting.py",
    "tests/automl/test_client_calls.py",
    "tests/system/test_fair_queueing.py",
    "tests/system/test_links.py",
    "tests/accounts/test_exports.py",
    "tests/billing/test_faults.py",
    "tests/docs/test_examples.py",
    "tests/system/test_text_lengths.py",
    "tests/permissions/test_ownerless.py",
    "tests/learning/networks/test_efficient_unet.py",
    "tests/wildlife/test_species_classifiers.py",
    "tests/wildlife/test_statistics.py",
    "tests/system/test_blank_texts.py",
    "tests/browser/test_look.py",
    "tests/setup/test_restore.py",
    "tests/system/test_silent_servers.py",
    "tests/browser/test_home.py",
    "tests/browser/test_account.py",
    "tests/setup/test_operators.py",
    "tests/system/test_tracing.py",
    "tests/wildlife/test_ai_jobs.py",
    "tests/plan/test_lookups.py",
    "tests/wildlife/test_classification_filters.py",
)
PLACES = {name: place for place, name in enumerate(FILES)}


def place(name: str) -> int:
    """When a file begins: those that are not among the longest come behind, in their own order."""
    return PLACES.get(name, len(FILES))
