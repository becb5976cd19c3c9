//! Which points no other point beats on every axis.

/// Whether `a` dominates `b`: at least as good everywhere and better somewhere. Larger is better on every axis.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    let pairs = || a.iter().zip(b);
    a.len() == b.len() && pairs().all(|(a, b)| a >= b) && pairs().any(|(a, b)| a > b)
}

/// For each point, whether it lies on the front. Points with an undefined coordinate never do.
pub fn front<P: AsRef<[f64]>>(points: &[P]) -> Vec<bool> {
    let points: Vec<&[f64]> = points.iter().map(AsRef::as_ref).collect();
    let defined = |point: &[f64]| point.iter().all(|x| !x.is_nan());
    let on_front = |point: &&[f64]| defined(point) && !points.iter().any(|other| dominates(other, point));
    points.iter().map(on_front).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dominated_points_are_off_the_front() {
        let points = [[0.9, -2.0], [0.8, -1.0], [0.7, -1.5], [0.9, -2.0], [f64::NAN, 0.0]];
        assert_eq!(front(&points), [true, true, false, true, false]);
        assert_eq!(front::<[f64; 0]>(&[]), [false; 0]);
        assert!(!dominates(&[1.0], &[1.0, 0.0]));
        assert!(dominates(&[1.0, f64::INFINITY], &[1.0, 5.0]));
    }
}
