# Needs: all other rules. Makes: nothing; says which of them are jobs on a cluster.

# What asks no network is made beside Snakemake: seconds to minutes of a core, not worth a wait in a queue each.
if ON_CLUSTER:
    workflow.localrules(
        *[rule.name for rule in workflow.rules if not rule.name.startswith(("train_", *ASKS_A_NETWORK))]
    )
