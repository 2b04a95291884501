"""Standing sentences that explain how a report is to be read.

They use words that elsewhere need a finding (`claiming_words`), and speak of no hyperparameter, level or number: they
are the same in all reports. `QuotedResults.explain` writes them by their names.
"""

EXPLANATIONS = {
    "gate": (
        "A difference, an edge, an interaction or a correlation is stated only where it passes one correction over "
        "the whole study: of studies without any effect, at most one in twenty states one."
    ),
    "undecided": (
        "Undecided means that these runs neither show a difference nor that there is none."
    ),
    "no_test": "There is nothing to test differences with: settings are described, not compared.",
    "no_level": "These results recommend no level: there is nothing to test differences with.",
    "lack_of_fit": (
        "How far runs of one setting spread is not known, so differences are judged by what the additive model leaves "
        "unexplained: that holds noise and interactions, and states less rather than more."
    ),
    "intervals": (
        "Differences are those of means of the additive model, averages over the other hyperparameters; intervals and "
        "p are corrected over all findings of the study. First ahead is the probability that a fresh run with the "
        "first of the two levels has the better score."
    ),
    "parallel_lines": "Without an interaction the lines are parallel.",
    "brighter_higher": "Brighter is higher.",
    "brighter_lower": "Brighter is lower.",
    "optimistic": (
        "The best epoch is chosen on the same validation split by which settings are ranked, so scores are optimistic: "
        "data by which nothing was chosen are likely to give less favourable ones."
    ),
    "validation_beside_test": (
        "A validation score that helped to choose is likely to be the more favourable one of the two; the score to "
        "publish is that of the test split."
    ),
    "scored_by_themselves": (
        "Each is scored by itself, in the order that validation gave them: whoever takes another one than the first "
        "for its test score chooses by the test split."
    ),
    "few_images": "From so few, such an interval is likely to be too narrow.",
    "several_looks": (
        "Whoever chooses by one of several looks chooses by the test split, and its score is no longer that of data by "
        "which nothing was chosen."
    ),
    "more_seeds_ties": (
        "More seeds, if the choice counts: these results do not order the settings of the first group."
    ),
    "more_seeds_of_race": (
        "More seeds, if the choice counts: these results do not order the settings of the first group. If the "
        "race may take more seeds at most, those that are left get them."
    ),
    "nothing_to_judge": (
        "More seeds or more settings: these results hold nothing to judge differences by, so they leave all open."
    ),
    "nothing_more": "Nothing in these results asks for another run.",
    "claims": (
        "Claims were written down before the first run. A claim is supported or refuted only where its test or "
        "interval allows it; otherwise it is undecided. Each is judged by itself. The findings above are corrected "
        "over all that the study looks at: of the same levels they may leave open what a claim decides."
    ),
    "claims_of_table": (
        "Claims of the study. A claim is supported or refuted only where its test or interval allows it; otherwise it "
        "is undecided. Each is judged by itself. The findings above are corrected over all that the study looks at: of "
        "the same levels they may leave open what a claim decides."
    ),
    "expected": (
        "The first of a ranking was chosen because its runs went well, in part by luck. What to expect of fresh seeds "
        "is the mean drawn toward that of all settings, the more so the more noise there is. First ahead is the "
        "probability that a fresh run of the first setting has the better score than a fresh run of the one in the row."
    ),
    "groups": "Settings of one group are not significantly different from the first of the group.",
    "front": (
        "A setting is on the front if no other one has means that are as good in all objectives and better in one. The "
        "front is that of these runs: fresh ones may move settings onto it and off it."
    ),
    "front_shares": (
        "How often says in how many draws of the runs a setting is on the front, where the seeds or the folds are "
        "drawn again with replacement. A member with a low share is likely to owe its place to luck."
    ),
    "knee": (
        "The knee of a front is the member farthest beyond the line between its two ends, both axes scaled to the "
        "range of the front. It is a rule of geometry, and no recommendation: what the one objective is worth in the "
        "other is for the reader to say."
    ),
    "cheapest": (
        "That a setting of the first group is not significantly different from the first one does not show that they "
        "are equal."
    ),
    "race": (
        "After each round all settings that are left are compared with the first of them, over the same seeds and "
        "folds. One that fell behind, or cannot be better than the first by what matters in practice, gets no further "
        "seed, the others get one more. The comparisons are paid for, over all settings and all rounds, so that the "
        "best setting is dropped in at most one of forty races, and never for a single run. That some setting fell "
        "behind, or that one alone is left, says no more: it does not state that one setting is worse than another. "
        "A setting of which a run failed cannot win."
    ),
    "race_looks": (
        "As these runs were looked at more than once, each p of the study counts as often as a race of its seeds may "
        "look. Settings that were dropped have fewer runs, and were dropped after unfavourable ones: their means lean "
        "to that side. What the race decides it decides at a level of its own, over the same seeds and folds; the "
        "ranking corrects for all pairs of settings and for all looks at once. So a setting that fell behind may still "
        "share the first group there."
    ),
    "correlations": (
        "Correlations of settings' means with their scores are no causes; those that are stated passed the study's "
        "correction."
    ),
    "anova": (
        "The analysis of variance and the checks of its assumptions are the working behind the findings; none of its "
        "uncorrected p is a finding by itself."
    ),
}  # fmt: skip
