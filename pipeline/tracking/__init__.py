"""The way from a stage's journal to MLflow.

    the run                          the follower, a child process
    -------                          -----------------------------
    stage  --> journal.jsonl ----+
    runner --> RUN.jsonl --------+-> sender --> outbox --> target --> MLflow's runs
               RUN.system.jsonl -+   |    ^        |
                     ^               v    |        +-----> models --> its models and
                     |        RUN.sent.json                           registry
                     +--------------------------- sampler (CPU, memory, ... each second)

    follower   starts the child, and is the child's loop
    sender     reads what is new, and remembers its position
    outbox     one batch of entries, in names and texts that MLflow allows
    target     MLflow's runs
    models     MLflow's models of exports, and its registry
    ui         all records, after an outage or a lost database; MLflow's pages
    server     MLflow's server as a child process
    address    MLflow's address, and the page of a run
    reach      whether a server answers at all
    relocate   MLflow's own paths, after the folder was moved

Everything flows one way. MLflow gives no verdict: with a server that is down or hangs,
a run ends as it would with a good one. The next command sends the rest, or `ui` does.
"""
