//! Averages over time.

use std::time::Instant;

/// How long past quantities matter, in seconds.
const WINDOW: f64 = 2.0;

/// The exponentially weighted average of a quantity that changes at times.
#[derive(Debug)]
pub(crate) struct Average {
    quantity: f64,
    /// The average when the quantity changed last.
    mean: f64,
    since: Instant,
}

impl Average {
    /// Returns the average of a quantity that has been zero until now.
    pub(crate) fn new(now: Instant) -> Self {
        Self { quantity: 0.0, mean: 0.0, since: now }
    }

    pub(crate) fn set(&mut self, quantity: u32, now: Instant) {
        self.mean = self.at(now);
        self.since = now;
        self.quantity = quantity.into();
    }

    /// Returns the average at this time.
    pub(crate) fn at(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.quantity + (self.mean - self.quantity) * (-passed / WINDOW).exp()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn average_follows_its_quantity() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let thousandths = |average: &Average, now| format!("{:.3}", average.at(now));
        let mut average = Average::new(start);
        average.set(10, start);
        assert_eq!(thousandths(&average, start), "0.000");
        // 10 × (1 − 1/e)
        assert_eq!(thousandths(&average, at(2)), "6.321");
        average.set(0, at(2));
        assert_eq!(thousandths(&average, at(4)), "2.325");
        assert_eq!(thousandths(&average, at(1000)), "0.000");
    }
}
