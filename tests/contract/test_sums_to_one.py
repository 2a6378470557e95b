"""Law: sum over y of P(y | x) is one, asked label by label of `log_prob`."""

import numpy as np


def test_log_prob_sums_to_one_over_the_labels(case):
    request = case.request()
    log_probs = np.stack(
        [
            case.ask("log_prob", **request, label=[name] * case.num_test)["log_prob"]
            for name in case.names
        ],
        axis=-1,
    )
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(log_probs, case.predicted["log_probs"], atol=1e-5)


def test_log_prob_is_never_positive(case):
    assert case.predicted["log_probs"].max() <= 0
    assert np.isfinite(case.predicted["log_probs"]).all()
