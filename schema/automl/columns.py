"""The maps of a machine's columns by their names, as the former platform had them, and what only its users see."""

from decimal import Decimal
from functools import partial

import strawberry
from strawberry.scalars import JSON

from app.models.automl.machines import MachineColumn
from app.tabular.datatypes import Role
from resolvers.automl.columns import by_name, count, counts, inside, nothing, of_values
from schema.fields import computed

IS_INPUT, IS_OUTPUT = MachineColumn.role == Role.INPUT, MachineColumn.role == Role.OUTPUT
USED = (Role.INPUT, Role.OUTPUT)
of_machine = partial(computed, needs_read=True)


@strawberry.type
class RolesOfColumns:
    """What columns are, and what they are for."""

    dfr_columns_description_user_df: JSON = of_machine(
        by_name("dfr_columns_description_user_df", "The description of each column.", MachineColumn.description)
    )
    dfr_columns_type_user_df: JSON = of_machine(
        by_name("dfr_columns_type_user_df", "The datatype of each column.", MachineColumn.datatype)
    )
    dfr_columns_python_user_df: JSON = of_machine(
        nothing("dfr_columns_python_user_df", "Always empty: values are kept by their datatype.")
    )
    mdc_columns_name_input_user_df: JSON = of_machine(
        by_name("mdc_columns_name_input_user_df", "Whether each column of the table is an input.", IS_INPUT)
    )
    mdc_columns_name_output_user_df: JSON = of_machine(
        by_name("mdc_columns_name_output_user_df", "Whether each column of the table is an output.", IS_OUTPUT)
    )
    mdc_columns_name_input: JSON = of_machine(
        by_name("mdc_columns_name_input", "Whether each column is an input.", IS_INPUT)
    )
    mdc_columns_name_output: JSON = of_machine(
        by_name("mdc_columns_name_output", "Whether each column is an output.", IS_OUTPUT)
    )
    mdc_columns_data_type: JSON = of_machine(
        by_name("mdc_columns_data_type", "The datatype of each column.", MachineColumn.datatype)
    )
    mdc_columns_total_count: int = of_machine(
        count("mdc_columns_total_count", "The number of inputs and outputs.", *USED)
    )
    mdc_columns_input_count: int = of_machine(count("mdc_columns_input_count", "The number of inputs.", Role.INPUT))
    mdc_columns_output_count: int = of_machine(count("mdc_columns_output_count", "The number of outputs.", Role.OUTPUT))
    mdc_columns_count_of_datatypes: JSON = of_machine(
        counts("mdc_columns_count_of_datatypes", "The number of inputs and outputs of each datatype.", *USED)
    )
    mdc_columns_input_count_of_datatypes: JSON = of_machine(
        counts("mdc_columns_input_count_of_datatypes", "The number of inputs of each datatype.", Role.INPUT)
    )
    mdc_columns_output_count_of_datatypes: JSON = of_machine(
        counts("mdc_columns_output_count_of_datatypes", "The number of outputs of each datatype.", Role.OUTPUT)
    )


@strawberry.type
class ValuesOfColumns:
    """What the values of columns look like."""

    mdc_columns_unique_values_count: JSON | None = computed(
        of_values("mdc_columns_unique_values_count", "How many different values each column has.", "distinct")
    )
    mdc_columns_missing_percentage: JSON | None = computed(
        of_values(
            "mdc_columns_missing_percentage",
            "How many values of a hundred are missing in each column.",
            "missing_percentage",
        )
    )
    mdc_columns_most_frequent_values_count: JSON | None = computed(
        of_values(
            "mdc_columns_most_frequent_values_count",
            "How many values of each column are in at least 5 % of the lines.",
            "frequent",
        )
    )
    mdc_columns_values_mean: JSON | None = computed(
        of_values("mdc_columns_values_mean", "The mean of each column.", "mean")
    )
    mdc_columns_values_std_dev: JSON | None = computed(
        of_values("mdc_columns_values_std_dev", "The standard deviation of each column.", "std")
    )
    mdc_columns_values_skewness: JSON | None = computed(
        of_values("mdc_columns_values_skewness", "The skewness of each column.", "skewness")
    )
    mdc_columns_values_kurtosis: JSON | None = computed(
        of_values("mdc_columns_values_kurtosis", "The excess kurtosis of each column.", "kurtosis")
    )
    mdc_columns_values_min: JSON | None = computed(
        of_values("mdc_columns_values_min", "The smallest value of each column.", "min")
    )
    mdc_columns_values_max: JSON | None = computed(
        of_values("mdc_columns_values_max", "The largest value of each column.", "max")
    )
    mdc_columns_values_quantile02: JSON | None = computed(
        of_values("mdc_columns_values_quantile02", "The 20 % quantile of each column.", "quantile02")
    )
    mdc_columns_values_quantile03: JSON | None = computed(
        of_values("mdc_columns_values_quantile03", "The 30 % quantile of each column.", "quantile03")
    )
    mdc_columns_values_quantile07: JSON | None = computed(
        of_values("mdc_columns_values_quantile07", "The 70 % quantile of each column.", "quantile07")
    )
    mdc_columns_values_quantile08: JSON | None = computed(
        of_values("mdc_columns_values_quantile08", "The 80 % quantile of each column.", "quantile08")
    )
    mdc_columns_values_sem: JSON | None = computed(
        of_values("mdc_columns_values_sem", "The standard error of the mean of each column.", "sem")
    )
    mdc_columns_values_median: JSON | None = computed(
        of_values("mdc_columns_values_median", "The median of each column.", "median")
    )
    mdc_columns_values_mode: JSON | None = computed(
        of_values("mdc_columns_values_mode", "The most frequent value of each column.", "mode")
    )


@strawberry.type
class TextsOfColumns:
    """What the texts of columns look like."""

    mdc_columns_values_str_percent_uppercase: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_percent_uppercase",
            "The share of upper-case letters among the characters of each column of texts.",
            "text",
            "uppercase",
        )
    )
    mdc_columns_values_str_percent_lowercase: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_percent_lowercase",
            "The share of lower-case letters among the characters of each column of texts.",
            "text",
            "lowercase",
        )
    )
    mdc_columns_values_str_percent_digit: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_percent_digit",
            "The share of digits among the characters of each column of texts.",
            "text",
            "digit",
        )
    )
    mdc_columns_values_str_percent_punctuation: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_percent_punctuation",
            "The share of punctuation among the characters of each column of texts.",
            "text",
            "punctuation",
        )
    )
    mdc_columns_values_str_percent_operators: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_percent_operators",
            "The share of operators among the characters of each column of texts.",
            "text",
            "operators",
        )
    )
    mdc_columns_values_str_percent_underscore: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_percent_underscore",
            "The share of underscores among the characters of each column of texts.",
            "text",
            "underscore",
        )
    )
    mdc_columns_values_str_percent_space: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_percent_space",
            "The share of white space among the characters of each column of texts.",
            "text",
            "space",
        )
    )
    mdc_columns_values_str_language_en: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_language_en",
            "The share of values in English in each column of texts.",
            "languages",
            "en",
        )
    )
    mdc_columns_values_str_language_fr: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_language_fr",
            "The share of values in French in each column of texts.",
            "languages",
            "fr",
        )
    )
    mdc_columns_values_str_language_de: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_language_de",
            "The share of values in German in each column of texts.",
            "languages",
            "de",
        )
    )
    mdc_columns_values_str_language_it: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_language_it",
            "The share of values in Italian in each column of texts.",
            "languages",
            "it",
        )
    )
    mdc_columns_values_str_language_es: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_language_es",
            "The share of values in Spanish in each column of texts.",
            "languages",
            "es",
        )
    )
    mdc_columns_values_str_language_pt: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_language_pt",
            "The share of values in Portuguese in each column of texts.",
            "languages",
            "pt",
        )
    )
    mdc_columns_values_str_language_others: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_language_others",
            "The share of values in another language in each column of texts.",
            "languages",
            "others",
        )
    )
    mdc_columns_values_str_language_none: JSON | None = computed(
        of_values(
            "mdc_columns_values_str_language_none",
            "The share of values in no language in each column of texts.",
            "languages",
            "none",
        )
    )


@strawberry.type
class SeenInside:
    """What is only for those who see the lines."""

    failure: str | None = computed(inside("failure"))
    machine_columns_errors: JSON | None = computed(inside("machine_columns_errors"))
    machine_columns_warnings: JSON | None = computed(inside("machine_columns_warnings"))
    log_work_message: JSON | None = computed(inside("log_work_message"))
    log_work_status: JSON | None = computed(inside("log_work_status"))
    machine_billing_cost_solving_usd: Decimal | None = computed(inside("machine_billing_cost_solving_usd"))
    machine_billing_cost_training_usd: Decimal | None = computed(inside("machine_billing_cost_training_usd"))
