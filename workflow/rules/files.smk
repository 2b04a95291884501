# Needs: STUDY. Makes: STUDY_FILES, which a finished study has.
from segsweep.planning.results_files import TEST_LOOKS
from segsweep.tables import outputs

# All files of a finished study that people or later steps read.
STUDY_FILES = [
    *outputs("import_table" if TABLE else "collect_results", FOLDER).values(),
    *outputs("analyze_study", FOLDER).values(),
    f"{FOLDER}/metrics.json",
    f"{FOLDER}/report.md",
    f"{FOLDER}/report.html",
    f"{FOLDER}/report.sources.csv",
    f"{FOLDER}/figures",
]
if not TABLE:
    STUDY_FILES += [f"{FOLDER}/provenance.json"]
if HAS_IMAGES:
    STUDY_FILES += [f"{FOLDER}/images/images.json", *outputs("describe_data", FOLDER).values()]
if STUDY.study.sweep:
    STUDY_FILES += [*outputs("tabulate_search", FOLDER).values(), OPTUNA_JOURNAL]
RACE_FILES = [*outputs("tabulate_races", FOLDER).values()] if STUDY.races else []
STUDY_FILES += RACE_FILES
if STUDY.study.ensemble:
    STUDY_FILES += [*outputs("score_ensemble", FOLDER).values(), f"{FOLDER}/ensemble.json"]
# The ledger of looks at the test split, once there is one: a look that was taken since the report makes it again.
LOOKS_AT_TEST = [str(FOLDER / TEST_LOOKS)] if (FOLDER / TEST_LOOKS).is_file() else []
TEST_FILES = [*outputs("score_test", FOLDER).values(), f"{FOLDER}/test.json"] if STUDY.study.test else []
STUDY_FILES += TEST_FILES
