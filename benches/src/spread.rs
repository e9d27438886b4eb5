//! Figures of several runs in one: the one in the middle, and how far they are apart.

/// Of at least one figure; the default, zeros, stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// The one in the middle, or between the two in the middle.
    pub median: f64,
    /// The lowest.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
}

impl Spread {
    /// `None` of no figures.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (upper, lower) = (figures.len() / 2, figures.len().checked_sub(1)? / 2);
        Some(Self {
            median: (figures.get(lower)? + figures.get(upper)?) / 2.0,
            lowest: *figures.first()?,
            highest: *figures.last()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let spread = |median, lowest, highest| Spread {
            median,
            lowest,
            highest,
        };
        assert_eq!(Spread::of([9.0, 1.0, 2.0]), Some(spread(2.0, 1.0, 9.0)));
        assert_eq!(
            Spread::of([4.0, 1.0, 2.0, 9.0]),
            Some(spread(3.0, 1.0, 9.0))
        );
        assert_eq!(Spread::of([7.0]), Some(spread(7.0, 7.0, 7.0)));
        assert_eq!(Spread::of([]), None);
    }
}
