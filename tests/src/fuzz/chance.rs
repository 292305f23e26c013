//! Inputs by chance, each of a seed: splitmix64 (Steele, Lea, Flood 2014), good samples taken apart, and pieces that have
//! hurt parsers before.

/// Pieces to put anywhere.
const PIECES: [&str; 56] = [
    "",
    "\0",
    "\r\n",
    "\u{feff}",
    "\u{202e}",
    "\u{200d}",
    "é",
    "e\u{301}",
    "ﬁ",
    "Ａ",
    "😀",
    "👨‍👩‍👧",
    "\u{10ffff}",
    "İ",
    "ß",
    "%",
    "%0",
    "%00",
    "%ff",
    "%F0%9F%98%80",
    "+",
    "&",
    "=",
    "&&",
    "==",
    "?",
    "#",
    "://",
    ":",
    ",",
    ";",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "{{",
    "}}",
    "{%",
    "%}",
    "{{ a }}",
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "18446744073709551616",
    "-9223372036854775808",
    "9999999999999",
    "whatsapp:",
    "STOP",
    "a\u{0}b",
];

/// A source of inputs.
#[derive(Debug)]
pub struct Chance(u64);

/// A seed's bits, mixed so that neighbours have nothing in common.
pub fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// One of 0 to `limit`, that not included.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.any() % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// Once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let place = self.below(all.len());
        all.get(place).copied()
    }

    /// One of these texts.
    pub fn word<'a>(&mut self, all: &[&'a str]) -> &'a str {
        self.of(all).unwrap_or_default()
    }

    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.any().to_le_bytes()[0]).collect()
    }

    /// Any text: characters of every kind, and pieces.
    pub fn text(&mut self, most: usize) -> String {
        let length = self.below(most + 1);
        let mut text = String::new();
        while text.chars().count() < length {
            match self.below(6) {
                0 => text.push_str(self.word(&PIECES)),
                1 => text.extend(u32::try_from(self.below(0x11_0000)).ok().and_then(char::from_u32)),
                2 => text.extend(char::from_digit(u32::try_from(self.below(10)).unwrap_or(0), 10)),
                _ => text.extend(u8::try_from(32 + self.below(95)).ok().map(char::from)),
            }
        }
        text
    }

    /// A good sample with something wrong in it, or several things, or nothing.
    pub fn spoiled(&mut self, sample: &[u8]) -> Vec<u8> {
        let mut bytes = sample.to_vec();
        for _ in 0..self.below(5) {
            let (at, other) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
            let (low, high) = (at.min(other), at.max(other));
            match self.below(7) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(low..high.min(low + 16))),
                2 => {
                    let piece = self.word(&PIECES).as_bytes().to_vec();
                    drop(bytes.splice(at..at, piece));
                }
                3 => {
                    let twice = bytes[low..high].to_vec();
                    drop(bytes.splice(at..at, twice));
                }
                4 => {
                    let piece = self.bytes(8);
                    drop(bytes.splice(at..at, piece));
                }
                _ => {
                    let byte = self.any().to_le_bytes()[0];
                    if let Some(place) = bytes.get_mut(at) {
                        *place = byte;
                    }
                }
            }
        }
        bytes
    }

    /// The same of a text.
    pub fn spoiled_text(&mut self, sample: &str) -> String {
        String::from_utf8_lossy(&self.spoiled(sample.as_bytes())).into_owned()
    }

    /// One of these samples, spoiled; now and then nothing of them.
    pub fn near(&mut self, samples: &[&str]) -> Vec<u8> {
        if self.once_in(16) {
            return self.bytes(256);
        }
        let sample = self.word(samples).as_bytes().to_vec();
        self.spoiled(&sample)
    }

    /// A form with some of these names and any values.
    pub fn form(&mut self, names: &[&str]) -> Vec<(String, String)> {
        (0..self.below(14))
            .map(|_| {
                let name = self.word(names).to_owned();
                let name = if self.once_in(12) { self.spoiled_text(&name) } else { name };
                let value = match self.below(4) {
                    0 => self.word(&PIECES).to_owned(),
                    1 => self.below(100_000).to_string(),
                    _ => self.text(40),
                };
                (name, value)
            })
            .collect()
    }
}

/// A form as it is sent.
pub fn encoded(form: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}
