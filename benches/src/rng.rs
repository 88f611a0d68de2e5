//! Seeded randomness: SplitMix64, as a stateless mix of a number and as a generator.
//!
//! A run is repeated by its seed, so nothing here may read a clock or the system's randomness,
//! except [`fresh_seed`], which makes the seed of a run that was given none. It must not know what
//! the numbers are for.

use std::hash::{BuildHasher, RandomState};

/// The step of SplitMix64: 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Scrambles a number: the output function of SplitMix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014). It is a bijection, so distinct numbers stay
/// distinct.
///
/// ```
/// use filch_bench::rng::mix;
/// assert_ne!(mix(1), mix(2));
/// ```
pub const fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(GOLDEN);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Maps 64 random bits to a number below `bound` by multiplication (Lemire, 2019, without the
/// rejection step: its bias is below 2^-32 for the bounds used here).
///
/// ```
/// use filch_bench::rng::{below, mix};
/// assert!(below(mix(7), 10) < 10);
/// assert_eq!(below(mix(7), 0), 0);
/// ```
pub const fn below(bits: u64, bound: u64) -> u64 {
    ((bits as u128 * bound as u128) >> 64) as u64
}

/// A SplitMix64 generator: 8 bytes of state, period 2^64.
///
/// ```
/// use filch_bench::rng::Rng;
/// let (mut a, mut b) = (Rng::new(1), Rng::new(1));
/// assert_eq!(a.next_u64(), b.next_u64());
/// ```
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator whose stream is fixed by `seed`.
    ///
    /// ```
    /// let mut rng = filch_bench::rng::Rng::new(0x5eed);
    /// assert!(rng.below(6) < 6);
    /// ```
    pub const fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The next 64 bits.
    ///
    /// ```
    /// let mut rng = filch_bench::rng::Rng::new(1);
    /// assert_ne!(rng.next_u64(), rng.next_u64());
    /// ```
    pub const fn next_u64(&mut self) -> u64 {
        let bits = mix(self.0);
        self.0 = self.0.wrapping_add(GOLDEN);
        bits
    }

    /// The next number below `bound`; 0 if the bound is 0.
    ///
    /// ```
    /// let mut rng = filch_bench::rng::Rng::new(1);
    /// assert!(rng.below(3) < 3);
    /// ```
    pub const fn below(&mut self, bound: u64) -> u64 {
        below(self.next_u64(), bound)
    }
}

/// A seed for a run that was given none, from the standard library's own randomness. It has 32
/// bits, so that it is short to type again.
///
/// ```
/// assert!(filch_bench::rng::fresh_seed() <= u64::from(u32::MAX));
/// ```
pub fn fresh_seed() -> u64 {
    RandomState::new().hash_one(std::process::id()) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_published_stream() {
        // The first outputs of the reference implementation for the seed 1234567.
        let mut rng = Rng::new(1_234_567);
        let stream = [rng.next_u64(), rng.next_u64(), rng.next_u64()];
        assert_eq!(
            stream,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut rng = Rng::new(1);
        let mut seen = [0u32; 10];
        for _ in 0..100_000 {
            seen[rng.below(10) as usize] += 1;
        }
        for count in seen {
            assert!((9_500..10_500).contains(&count), "uneven: {seen:?}");
        }
    }

    #[test]
    fn below_nothing_and_one_is_zero() {
        let mut rng = Rng::new(9);
        for _ in 0..100 {
            assert_eq!(rng.below(0), 0);
            assert_eq!(rng.below(1), 0);
        }
    }
}
