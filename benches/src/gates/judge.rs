//! Medians, and whether they keep their bounds.
//!
//! This file owns the judgement. It must not know how a run is made or a row is shown.

use crate::runner::Run;
use crate::scenario::{Bound, Quantity, Runtime, Scenario};

/// The median of some readings, with the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    /// `None` if there are no readings. Of an even number, the median is the mean of the middle two.
    fn of(mut readings: Vec<f64>) -> Option<Spread> {
        readings.sort_by(f64::total_cmp);
        let (least, greatest) = (*readings.first()?, *readings.last()?);
        let half = readings.len() / 2;
        let median = if readings.len() % 2 == 1 {
            readings[half]
        } else {
            f64::midpoint(readings[half - 1], readings[half])
        };
        Some(Spread {
            median,
            least,
            greatest,
        })
    }
}

/// What came of holding a quantity against its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The bound is kept.
    Met,
    /// It is not.
    Exceeded,
    /// There is no bound.
    Shown,
    /// There is a bound, but for this reason nothing was held against it.
    NotChecked(&'static str),
}

/// A quantity of a scenario, judged.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) quantity: &'static Quantity,
    pub(crate) ours: Option<Spread>,
    /// The peer with the least median.
    pub(crate) peer: Option<(Runtime, Spread)>,
    pub(crate) verdict: Verdict,
    /// Whether this is the judgement of the second round.
    pub(crate) is_second: bool,
}

/// Judges all quantities of a scenario.
pub(crate) fn all(scenario: &Scenario, runs: &[Run], judges: bool) -> Vec<Row> {
    let quantities = scenario.quantities.iter();
    quantities
        .map(|quantity| Row::new(quantity, runs, judges))
        .collect()
}

impl Row {
    fn new(quantity: &'static Quantity, runs: &[Run], judges: bool) -> Row {
        let spread = |runtime| {
            let runs = runs.iter().filter(|run| run.runtime == runtime);
            Spread::of(runs.filter_map(|run| run.value(quantity.key)).collect())
        };
        let ours = spread(Runtime::Filch);
        let peer = [Runtime::Tokio, Runtime::TokioCurrentThread]
            .into_iter()
            .filter_map(|runtime| Some((runtime, spread(runtime)?)))
            .min_by(|a, b| a.1.median.total_cmp(&b.1.median));
        Row {
            quantity,
            ours,
            peer,
            verdict: verdict(quantity.bound, ours, peer.map(|(_, spread)| spread), judges),
            is_second: false,
        }
    }

    pub(crate) fn is_exceeded(&self) -> bool {
        self.verdict == Verdict::Exceeded
    }

    /// Whether it exceeds a bound that a busy machine could have made it exceed.
    pub(crate) fn deserves_another_chance(&self) -> bool {
        self.is_exceeded() && self.quantity.is_time && !self.is_second
    }

    /// Takes the judgement of other runs instead, if this one deserves another chance.
    pub(crate) fn judge_again(&mut self, runs: &[Run], judges: bool) {
        if self.deserves_another_chance() {
            *self = Row::new(self.quantity, runs, judges);
            self.is_second = true;
        }
    }

    /// What filch takes as a share of what the peer takes.
    pub(crate) fn share(&self) -> Option<f64> {
        let (ours, peer) = (self.ours?, self.peer?.1);
        (peer.median > 0.0).then(|| ours.median / peer.median)
    }
}

fn verdict(bound: Bound, ours: Option<Spread>, peer: Option<Spread>, judges: bool) -> Verdict {
    let keeps = |reading: f64, most: f64| {
        // What is not a number keeps no bound.
        if reading <= most {
            Verdict::Met
        } else {
            Verdict::Exceeded
        }
    };
    if bound == Bound::None {
        return Verdict::Shown;
    }
    if !judges {
        return Verdict::NotChecked("not asked to, or not the sizes and the build for it");
    }
    let Some(ours) = ours else {
        return Verdict::NotChecked("the system does not tell");
    };
    match (bound, peer) {
        (Bound::None, _) => Verdict::Shown,
        (Bound::AtMost(most), _) => keeps(ours.median, most),
        (Bound::Always(most), _) => keeps(ours.greatest, most),
        (Bound::Share(share), Some(peer)) => keeps(ours.median, share * peer.median),
        (Bound::LeastShare(share), Some(peer)) => keeps(share * peer.median, ours.median),
        (Bound::Share(_) | Bound::LeastShare(_), None) if cfg!(feature = "peers") => {
            Verdict::NotChecked("the system does not tell")
        }
        (Bound::Share(_) | Bound::LeastShare(_), None) => {
            Verdict::NotChecked("built without the feature peers")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Unit;

    static CPU: Quantity = Quantity {
        key: "cpu",
        unit: Unit::Seconds,
        bound: Bound::Share(0.5),
        is_time: true,
    };
    static RATE: Quantity = Quantity {
        key: "rate",
        unit: Unit::PerSecond,
        bound: Bound::LeastShare(1.0),
        is_time: true,
    };
    static EARLY: Quantity = Quantity {
        key: "early",
        unit: Unit::Count,
        bound: Bound::Always(0.0),
        is_time: false,
    };
    static LATE: Quantity = Quantity {
        key: "late",
        unit: Unit::Micros,
        bound: Bound::AtMost(100.0),
        is_time: true,
    };

    fn runs(runtime: Runtime, key: &str, readings: &[f64]) -> Vec<Run> {
        let run = |reading| Run::of(runtime, 1, &[(key, reading)]);
        readings.iter().copied().map(run).collect()
    }

    #[test]
    fn the_middle_is_the_median() {
        let spread = Spread::of(vec![3.0, 1.0, 2.0]).unwrap();
        assert_eq!(
            (spread.least, spread.median, spread.greatest),
            (1.0, 2.0, 3.0)
        );
        assert_eq!(Spread::of(vec![4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of(vec![7.0]).unwrap().median, 7.0);
        assert_eq!(Spread::of(vec![]), None);
    }

    #[test]
    fn the_cheapest_peer_is_the_measure() {
        let mut all = runs(Runtime::Filch, "cpu", &[1.0, 0.9, 9.0]);
        all.extend(runs(Runtime::Tokio, "cpu", &[5.0, 5.0, 5.0]));
        all.extend(runs(Runtime::TokioCurrentThread, "cpu", &[2.0, 1.0, 2.1]));
        let row = Row::new(&CPU, &all, true);
        assert_eq!(row.peer.unwrap().0, Runtime::TokioCurrentThread);
        assert_eq!((row.share(), row.verdict), (Some(0.5), Verdict::Met));
        all.extend(runs(Runtime::Filch, "cpu", &[1.1, 1.1]));
        assert_eq!(Row::new(&CPU, &all, true).verdict, Verdict::Exceeded);
    }

    #[test]
    fn of_a_rate_more_is_better() {
        let mut all = runs(Runtime::Filch, "rate", &[90.0, 100.0, 110.0]);
        all.extend(runs(Runtime::Tokio, "rate", &[100.0]));
        assert_eq!(Row::new(&RATE, &all, true).verdict, Verdict::Met);
        all.extend(runs(Runtime::Filch, "rate", &[80.0, 99.0]));
        assert_eq!(Row::new(&RATE, &all, true).verdict, Verdict::Exceeded);
    }

    #[test]
    fn without_a_peer_a_share_is_not_checked() {
        let row = Row::new(&CPU, &runs(Runtime::Filch, "cpu", &[1.0]), true);
        assert!(matches!(row.verdict, Verdict::NotChecked(_)));
        assert_eq!(row.share(), None);
        if !cfg!(feature = "peers") {
            let why = Verdict::NotChecked("built without the feature peers");
            assert_eq!(row.verdict, why);
        }
    }

    #[test]
    fn one_bad_run_is_too_many_where_none_is_allowed() {
        let row = Row::new(
            &EARLY,
            &runs(Runtime::Filch, "early", &[0.0, 0.0, 1.0]),
            true,
        );
        assert_eq!(row.verdict, Verdict::Exceeded);
        assert!(!row.deserves_another_chance(), "it is no matter of time");
        let median = runs(Runtime::Filch, "late", &[10.0, 20.0, 5_000.0]);
        assert_eq!(Row::new(&LATE, &median, true).verdict, Verdict::Met);
    }

    #[test]
    fn a_second_round_replaces_only_what_was_late() {
        let slow = runs(Runtime::Filch, "late", &[101.0]);
        let quick = runs(Runtime::Filch, "late", &[99.0, 100.0]);
        let mut row = Row::new(&LATE, &slow, true);
        row.judge_again(&quick, true);
        assert_eq!((row.verdict, row.is_second), (Verdict::Met, true));

        let mut row = Row::new(&LATE, &slow, true);
        row.judge_again(&slow, true);
        assert!(row.is_exceeded() && !row.deserves_another_chance());

        let mut row = Row::new(&LATE, &quick, true);
        row.judge_again(&slow, true);
        assert_eq!((row.verdict, row.is_second), (Verdict::Met, false));
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let other = runs(Runtime::Filch, "cpu", &[1.0]);
        let row = Row::new(&LATE, &other, true);
        assert!(matches!(row.verdict, Verdict::NotChecked(_)));
        let unasked = Row::new(&LATE, &runs(Runtime::Filch, "late", &[1e9]), false);
        assert!(matches!(unasked.verdict, Verdict::NotChecked(_)));
    }
}
