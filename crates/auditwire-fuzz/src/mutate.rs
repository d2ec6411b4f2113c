//! Inputs out of inputs: bytes changed, pieces doubled, dropped and moved, two inputs spliced, words of the reader put in,
//! numbers turned into those that break counting. The same seed gives the same inputs.

use crate::{INPUT_BYTES_MAX, Target};

/// A small generator of numbers (SplitMix64): what the same seed gives is the same on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`; 0 when that is 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or_default()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Bytes and numbers at which counting goes wrong.
const EDGES: [u64; 10] = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

/// Makes the inputs of one target.
#[derive(Debug)]
pub struct Mutator {
    target: &'static Target,
    corpus: Vec<Vec<u8>>,
    random: Random,
}

impl Mutator {
    /// With its seeds.
    #[must_use]
    pub fn new(target: &'static Target, seed: u64) -> Self {
        let name = target.name.bytes().fold(seed, |sum, byte| sum.rotate_left(8) ^ u64::from(byte));
        Self { target, corpus: (target.seeds)(), random: Random::new(name) }
    }

    /// The next input: one of the corpus, changed one to eight times.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.any_of_corpus();
        for _ in 0..=self.random.below(8) {
            self.change(&mut input);
        }
        input.truncate(INPUT_BYTES_MAX);
        input
    }

    fn any_of_corpus(&mut self) -> Vec<u8> {
        let at = self.random.below(self.corpus.len());
        self.corpus.get(at).cloned().unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random.below(input.len() + 1);
        let length = 1 + self.random.below(8);
        let stretch = at..(at + length).min(input.len());
        match self.random.below(9) {
            0 => input.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << self.random.below(8)),
            1 => input.get_mut(at).into_iter().for_each(|byte| *byte = self.random.byte()),
            2 => drop(input.drain(stretch)),
            3 => {
                let copy = input.get(stretch).unwrap_or_default().repeat(1 + self.random.below(40));
                insert(input, at, &copy);
            }
            4 => {
                let bytes: Vec<u8> = (0..length).map(|_| self.random.byte()).collect();
                insert(input, at, &bytes);
            }
            5 => self.splice(input, at),
            6 => self.number(input, at),
            7 => input.truncate(at),
            _ => {
                let word = self.random.below(self.target.words.len());
                let word = self.target.words.get(word).copied().unwrap_or("\0");
                insert(input, at, word.as_bytes());
            }
        }
    }

    /// The end of another input in the place of this one's.
    fn splice(&mut self, input: &mut Vec<u8>, at: usize) {
        let other = self.any_of_corpus();
        let from = self.random.below(other.len() + 1);
        let to = from + self.random.below(other.len() - from + 1);
        if self.random.below(2) == 0 {
            input.truncate(at);
        }
        insert(input, at, other.get(from..to).unwrap_or_default());
    }

    /// An edge as a number of one, two, four or eight bytes in either order, or in digits.
    fn number(&mut self, input: &mut Vec<u8>, at: usize) {
        let edge = EDGES.get(self.random.below(EDGES.len())).copied().unwrap_or_default();
        let bytes = match self.random.below(3) {
            0 => return insert(input, at, edge.to_string().as_bytes()),
            1 => edge.to_le_bytes(),
            _ => edge.to_be_bytes(),
        };
        let width = 1 << self.random.below(4);
        let bytes = if bytes[0] == edge.to_le_bytes()[0] { &bytes[..width] } else { &bytes[8 - width..] };
        for (place, byte) in input.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    }

    /// Remembers an input that turned out to be worth changing further. Takes the place of a random one when there are many.
    pub fn keep(&mut self, input: Vec<u8>) {
        const KEPT: usize = 64;
        if self.corpus.len() < KEPT {
            self.corpus.push(input);
        } else {
            let at = self.random.below(self.corpus.len());
            if let Some(place) = self.corpus.get_mut(at) {
                *place = input;
            }
        }
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if input.len() + bytes.len() <= INPUT_BYTES_MAX {
        let at = at.min(input.len());
        input.splice(at..at, bytes.iter().copied());
    }
}
