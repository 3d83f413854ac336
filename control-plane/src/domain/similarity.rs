//! How similar two texts are: the cosine of the vectors that a model makes of them.

use std::fmt;

/// What an embedding model makes of a text, scaled to length 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector(Vec<f32>);

impl Vector {
    /// Scales what a model answers. `None`: it is empty, too long, or has no direction.
    pub fn scaled(values: &[f32]) -> Option<Self> {
        if values.len() > MOST_DIMENSIONS {
            return None;
        }
        let squares: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
        let length = squares.sqrt();
        if !length.is_normal() {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 1")]
        let unit = values.iter().map(|value| (f64::from(*value) / length) as f32).collect();
        Some(Self(unit))
    }

    /// Reads what [`Self::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (values, rest) = bytes.as_chunks::<4>();
        let values: Vec<f32> = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
        let whole = rest.is_empty() && values.iter().all(|value| value.abs() <= 1.0);
        whole.then_some(Self(values))
    }

    /// Returns each number as a little-endian IEEE 754 single.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    /// Returns how many numbers it has.
    pub fn dimensions(&self) -> usize {
        self.0.len()
    }

    /// Compares two. `None`: they cannot be of one model.
    pub fn similarity(&self, other: &Self) -> Option<Similarity> {
        if self.0.len() != other.0.len() {
            return None;
        }
        let products = self.0.iter().zip(&other.0).map(|(a, b)| f64::from(*a) * f64::from(*b));
        Some(Similarity::of(products.sum()))
    }
}

/// How similar two texts are, in ten-thousandths: 0 means not at all, 10,000 the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Similarity(u32);

impl Similarity {
    /// Rounds a number between 0 and 1; others become the nearest of these.
    pub fn of(value: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 10,000, and a cast of what is no number makes 0"
        )]
        Self((value.clamp(0.0, 1.0) * 10_000.0).round() as u32)
    }

    /// Returns it in ten-thousandths.
    pub fn ten_thousandths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Similarity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}", self.0 / 10_000, self.0 % 10_000)
    }
}

/// The longest that models of today make has 4096.
const MOST_DIMENSIONS: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f32]) -> Vector {
        Vector::scaled(values).unwrap()
    }

    #[test]
    fn similarity_is_the_cosine_whatever_the_length() {
        let cases: [(&[f32], &[f32], &str); 5] = [
            (&[1.0, 0.0], &[7.0, 0.0], "1.0000"),
            (&[3.0, 4.0], &[3.0, 4.0], "1.0000"),
            (&[1.0, 0.0], &[3.0, 4.0], "0.6000"),
            (&[1.0, 0.0], &[0.0, 1.0], "0.0000"),
            (&[1.0, 0.0], &[-1.0, 0.0], "0.0000"),
        ];
        for (one, other, expected) in cases {
            let similarity = vector(one).similarity(&vector(other)).unwrap();
            assert_eq!(similarity.to_string(), expected, "{one:?} {other:?}");
        }
        assert_eq!(vector(&[1.0]).similarity(&vector(&[1.0, 0.0])), None);
    }

    #[test]
    fn what_has_no_direction_is_no_vector() {
        for values in [&[][..], &[0.0, 0.0], &[f32::NAN], &[f32::INFINITY, 1.0]] {
            assert_eq!(Vector::scaled(values), None);
        }
        assert_eq!(Vector::scaled(&vec![0.5; MOST_DIMENSIONS + 1]), None);
    }

    #[test]
    fn bytes_come_back() {
        let one = vector(&[0.25, -3.0, 1e-7]);

        assert_eq!(Vector::from_bytes(&one.to_bytes()), Some(one));
        assert_eq!(Vector::from_bytes(&[0; 5]), None);
        assert_eq!(Vector::from_bytes(&f32::NAN.to_le_bytes()), None);
    }
}
