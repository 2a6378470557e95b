"""The way from a stage's journal to MLflow.

    this run                         the follower, a child process
    --------                         -----------------------------
    stage --> journal.jsonl ---+
    runner --> RUN.jsonl ------+---> sender --> outbox --> target --> MLflow
    machine --> RUN.system.jsonl -+  |  ^       (Batch)      |
                                     v  |                    +--> models (of export)
                                  RUN.sent.json

    follower   starts the child, and is the child's loop
    sender     reads what is new, and remembers how far it came
    outbox     one batch of entries, in words that MLflow allows
    target     MLflow's runs; models: its models and its registry
    ui         all records again, after an outage or a lost database; MLflow's pages
    address    where MLflow is; relocate: its paths, after the folder was moved

Everything flows one way. MLflow gives no verdict: with a server that is down or hangs,
a run ends as it would without one, and `phistar ui` sends the rest later.
"""
