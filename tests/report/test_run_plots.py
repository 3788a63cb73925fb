"""Which curves a run's report has."""

from compress.report.run_plots import search_plots, training_plots
from tests.report.sample import changed, curve, run_facts


def later(rows, behind: int):
    return tuple({**row, "epoch": row["epoch"] + behind} for row in rows)


def curves(run):
    plot, _loss = training_plots(run)
    return [(one.label, one.first, one.last, one.dashed) for one in plot.draw.args[0]]


def test_original_and_pruned_network_lie_over_the_same_epochs():
    training = {
        "01_baseline": curve(2, loss=2.0),
        "02_original": later(curve(4, loss=1.5), 2),
        "05_finetune": later(curve(2, loss=1.0), 4),
    }
    search = changed(run_facts().search, history=later(curve(2, loss=1.2), 2))
    expected = [("original", 1, 6, False), ("", 1, 6, True), ("pruned network", 3, 6, False), ("", 3, 6, True)]
    assert curves(run_facts(training=training, search=search)) == expected
    at_once = {**training, "03_search": search.history}
    assert curves(run_facts(training=at_once, search=changed(search, history=()))) == expected


def test_stages_of_an_earlier_version_that_each_began_at_one_are_lines_of_their_own():
    training = {"01_baseline": curve(3, loss=2.0), "02_original": curve(4, loss=1.0)}
    run = run_facts(training=training, search=changed(run_facts().search, history=()))
    assert curves(run) == [("original", 1, 3, False), ("", 1, 3, True), ("", 1, 4, False), ("", 1, 4, True)]


def test_a_search_of_one_epoch_has_no_curves():
    rows = tuple({"epoch": epoch, "energy_best": -1.0, "val_accuracy": 0.5} for epoch in (1, 2))
    one, two = (changed(run_facts().search, history=some, converged_at=None) for some in (rows[:1], rows))
    assert list(search_plots(run_facts(search=one))) == []
    assert len(list(search_plots(run_facts(search=two)))) == 2
