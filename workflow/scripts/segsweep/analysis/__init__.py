"""From metrics to tables: everything that a report may state, computed once and written down.

`collect` (or `tables`, for results made elsewhere) writes plan.json, cells.csv, runs.csv, epochs.csv and images.csv;
`analyze` reads them and writes the files below into the same folder `results/<study>/`. A report reads these files and
computes nothing by itself. Scores are the study's metric at a run's best epoch, in the metric's own unit and
direction (`minimize` is in analysis.json). Empty fields mean "cannot be said"; a `note` beside them says why.
Levels are texts, as `segsweep.formatting.value_in_words` writes them (`5e-4`, `cross_entropy+focal(gamma=2)`), and
stand in the order in which they are to be shown. A continuous axis of a sweep is cut into ranges (`2.5e-4..4e-4`).

Inputs
    cells.csv         cell, label, role, round, note, <axes>. One row a cell.
    runs.csv          cell, run, seed, fold, round, role, status, best_epoch, epochs, <axes>, <val/* at the best epoch>,
                      stability/val_loss_std (standard deviation of val/loss over the last half of the epochs),
                      convergence/epochs_to_best, overfit/gap (val/loss - train/loss at the best epoch),
                      cost/train_seconds, cost/seconds_per_epoch, cost/peak_memory_mb, cost/parameters,
                      cost/checkpoint_mb, segments.
    epochs.csv        run, cell, epoch, lr, train/*, val/*, seconds, images_per_second, peak_memory_mb.
    images.csv        run, cell, image, <metrics of one picture, at the run's best epoch>; no rows without such scores.
    missing.csv       cell, run, seed, fold, role, have, want, detail: planned runs that are not (wholly) there.
    ensemble.csv      optional: cell, run, method, members, fold, own, <val/*> or <test/*>: models that decide together
                      in the first row, then the single model and the members, all on pictures none was trained on.
    ensemble_images.csv  optional: run (ensemble, single, or a member's), cell, image, scores of the picture.

ranking.csv           One row a cell, best first; cells without a usable run at the end, by status.
    rank              1 is best; empty for cells without a usable run.
    cell, label, role, round
    <axes>            levels as in cells.csv.
    n, planned        usable runs (finished or early_stopped) and planned ones.
    status            statuses of its runs: `finished`, or `2 finished, 1 diverged`.
    mean, sd, low, high     of the score; 95 % t interval of the mean (see `interval`), empty where n or noise is
                      missing.
    interval          `t, pooled sd` | `t, own sd` | empty.
    best_run, best_score    the run of this cell with the best score.
    group             1 for the cells that cannot be told from the first one, 2 for those that cannot be told from the
                      first one left, and so on; empty where no noise floor is known (one seed).
    to_best           mean minus the mean of rank 1 (negative is worse unless minimize).
    p_best            share of bootstrap draws over seeds in which the cell ranks first; rank_low, rank_high: 95 %
                      range.
    p_best_images, rank_low_images, rank_high_images    the same over pictures, paired (the best 20 cells only).
    stability/val_loss_std, convergence/epochs_to_best, overfit/gap, cost/*, <other val/*>    means over usable runs.

factors.csv           One row an axis and level.
    axis, level, position    position counts from 0 in the order to show.
    n_cells, n_runs, n_pruned, n_diverged, n_oom     cells and usable runs; runs that do not enter the means.
    mean, sd, low, high      raw mean over usable runs; interval: t, over the means of cells (settings are the spread).
    adjusted, adjusted_low, adjusted_high    estimated marginal mean of the additive linear model, 95 %; `note` says so
                      where the other axes do not weigh evenly in it (designs with gaps).
    best_cell, best_run, best_score, worst_cell, worst_run, worst_score    over runs of this level.
    stability/val_loss_std, convergence/epochs_to_best, overfit/gap, cost/train_seconds, <other val/*>  raw means.
    note

factor_summary.csv    One row an axis, most influential first.
    axis, kind (number|category), scale (log|linear|category), binned, levels,
    best_level, second_level (by adjusted mean, raw if not estimable), range (adjusted best - worst, positive),
    relation          `distinct` (best level better than all others), `partly` (better than some), `undecided`
                      (nothing can be told apart), `confounded` (cannot be told from another axis), `described`
                      (one seed, or too few runs: numbers without a test).
    F, df, p, partial_eta2, rank_p       as in anova.csv.
    raw_and_adjusted  `agree` | `disagree` (another best level) | empty.
    edge              `low` | `high` | empty: the best level lies at the end of a numeric axis that has 3 or more
                      levels.
    note

anova.csv             term, axis_a, axis_b, kind (main|interaction|block|residual), type (`II`), ss, df, F, p,
                      partial_eta2, rank_F, rank_p (aligned ranks; filled when residual checks fail), estimable, note.
pairwise.csv          axis, level_a, level_b, n_a, n_b, difference (adjusted mean a - b), low, high (95 %), t, df, p,
                      p_holm (over all comparisons of all axes), hedges_g, g_low, g_high, test (in words),
                      verdict (`better`: a is better than b | `worse` | `undecided` | `confounded` | `described`), note.
interactions.csv      axis_a, axis_b, combinations, filled, F, df, df_residual, p, p_holm, partial_eta2, rank_F, rank_p,
                      verdict (`interact` | `undecided` | `not estimable` | `described`), note.
pairs.csv             axis_a, level_a, axis_b, level_b, n_cells, n_runs, mean, sd: what a heatmap shows, empty ones too.
                      Axes in the order of the plan, a before b.
design.csv            axis_a, axis_b, levels_a, levels_b, combinations, filled, empty (count), empty_list (text),
                      cramers_v, relation (`balanced`|`crossed`|`partial`|`a nested in b`|`b nested in a`|`aliased`).
audit.json            {"cells", "runs", "replicates", "levels": {axis: {level: n cells}}, "constant": [axes],
                      "not_estimable": [axes], "budget": [notes], "notes": [{"topic", "axes", "text"}]}.
correlations.csv      x, y, unit (cell|run), n, pearson, pearson_low, pearson_high, pearson_p, spearman, spearman_low,
                      spearman_high, spearman_p, p_holm (of Spearman), verdict
      (`positive|negative|undecided|described`).
importance.csv        axis, fanova, fanova_sd (over seeds of the forest), pedanova, rank_fanova, rank_pedanova,
                      partial_eta2, n, r2_oob; no rows where conditions fail (analysis.json "importance"."note").
expected_best.csv     trials, expected, low, high (5 % and 95 % of the best of so many), best_so_far (in order of
                      trials).
confirmations.csv     cell, label, rank, won (score it was chosen by), n, mean, sd, low, high, change (mean - won),
                      note.
claims.csv            id, claim, kind (KINDS of settings.claims, or `expect`), verdict (supported|refuted|undecided),
                      grade (success|acceptable|missed or empty), estimate, low, high, threshold, test, statistic, df,
      p,
                      n_runs, n_cells, scope (seeds|pictures|none), pictures_estimate, pictures_low, pictures_high,
                      detail (one or two sentences with the numbers).
statuses.csv          status, n, share, rule (how such runs enter).
comparison.csv        against, topic (best|level|statement|claim|importance), item, before, now, changed (true|false).
best.yaml             the best setting, ready to copy, and where it comes from.
analysis.json         what has no table:
    study, title, metric, minimize, n_cells, n_runs, n_usable, n_missing, replicates (seeds x folds a cell:
      {"min","max"}),
    one_seed (bool), sampler (null or its name), adaptive (bool: trials follow earlier scores),
    noise {"sd", "df", "cells", "equal", "confirmed_sd", "confirmed_df" (of confirmation runs), "reading",
           "critical_difference" (smallest difference of two cells with the usual n)},
    best {"cell","label","run","mean","low","high","n","group_size","settings":{axis: text},"cheapest_tied": cell,
          "chosen_by": text},
    anova {"model","n","df_residual","r2","shapiro":{"statistic","p"},"levene":{"statistic","p","axis"},
           "alternative": null|"aligned ranks","robust": bool,"reading": text},
    importance {"note","n","r2_oob","reliable","agreement" (Spearman with partial eta squared),"encoding"},
    expected_best {"valid","note"}, rank_stability {"draws","seeds": bool,"images": int,"note"},
    edges [{"axis","level","side","clear","text"}], warnings [{"topic","axes","text"}], rules {name: text},
    unexplored [{"axis_a","axis_b","empty"}], conclusions {...} (what `compare` reads), versions {...}.
"""
