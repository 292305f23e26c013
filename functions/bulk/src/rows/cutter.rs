//! Where rows begin and end in a stream of bytes, and on which line a person's editor shows them. The stream comes in
//! pieces of any size, and no more than one row of it is held.

use std::fmt;

use csv_core::ReadRecordResult;
use switchboard::job::{LARGEST_ROW, Source};

/// How rows follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// CSV (RFC 4180, and what programs make of it): a row ends with a line, unless that ends inside quotes.
    Csv,
    /// A row a line.
    Lines,
}

impl Framing {
    pub fn of(source: Source) -> Self {
        match source {
            Source::Csv => Self::Csv,
            Source::Json => Self::Lines,
        }
    }
}

/// A row is too long to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// The line it begins on.
    pub line: u32,
}

/// A row where it lies.
#[derive(Debug)]
pub struct Record<'a> {
    /// Its place in the stream, in bytes; the end is not part of it.
    pub start: u64,
    pub end: u64,
    /// The line it begins on, from 1.
    pub line: u32,
    text: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Record<'a> {
    /// Its cells, quotes taken off.
    pub fn cells(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (text, starts) = (self.text, std::iter::once(0).chain(self.ends.iter().copied()));
        starts.zip(self.ends.iter().copied()).filter_map(move |(start, end)| text.get(start..end))
    }
}

/// UTF-8's byte order mark, which Excel begins its files with.
const MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];
/// The most cells of a row.
const MOST_CELLS: usize = 4_096;

/// Cuts a stream into rows. Rows without any content are left out.
pub struct Cutter {
    framing: Framing,
    reader: csv_core::Reader,
    text: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    ended: usize,
    /// The row being read: where it began, and on which line. `None`: between rows.
    begun: Option<(u64, u32)>,
    /// Where the stream is.
    at: u64,
    line: u32,
    after_return: bool,
    /// How much of the mark may still come; 3 at the very start.
    mark: usize,
}

impl fmt::Debug for Cutter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cutter[{:?}, byte {}, line {}]", self.framing, self.at, self.line)
    }
}

impl Cutter {
    /// For a whole file.
    pub fn at_the_start(framing: Framing) -> Self {
        Self { mark: MARK.len(), ..Self::inside(framing, 1) }
    }

    /// For a part of a file that begins with a row, on this line. Places count from its beginning.
    pub fn inside(framing: Framing, line: u32) -> Self {
        Self {
            framing,
            reader: csv_core::Reader::new(),
            text: vec![0; 1_024],
            written: 0,
            ends: vec![0; 64],
            ended: 0,
            begun: None,
            at: 0,
            line,
            after_return: false,
            mark: 0,
        }
    }

    /// Reads on: up to the end of the next row, or of these bytes. Answers the row and how many bytes were taken.
    pub fn next(&mut self, bytes: &[u8]) -> Result<(Option<Record<'_>>, usize), TooLong> {
        let mut taken = self.skip(bytes);
        while taken < bytes.len() {
            let (start, line) = *self.begun.get_or_insert((self.at, self.line));
            let (done, read) = self.read(&bytes[taken..], line)?;
            self.pass(&bytes[taken..taken + read]);
            taken += read;
            if done && self.finish() {
                return Ok((Some(self.record(start, line)), taken));
            }
            if self.begun.is_none() {
                taken += self.skip(&bytes[taken..]);
            }
        }
        Ok((None, taken))
    }

    /// The row the stream ended in, if it did.
    pub fn last(&mut self) -> Result<Option<Record<'_>>, TooLong> {
        let Some((start, line)) = self.begun else { return Ok(None) };
        while !self.read(&[], line)?.0 {}
        Ok(self.finish().then(|| self.record(start, line)))
    }

    /// Passes over what stands between rows: line ends, and the mark at the very start.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        if self.begun.is_some() {
            return 0;
        }
        let mut taken = 0;
        while self.mark > 0 && taken < bytes.len() {
            if bytes[taken] == MARK[MARK.len() - self.mark] {
                self.mark -= 1;
                self.at += 1;
                taken += 1;
            } else {
                self.mark = 0;
            }
        }
        let ends = bytes[taken..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if ends > 0 {
            self.mark = 0;
        }
        self.pass(&bytes[taken..taken + ends]);
        taken + ends
    }

    /// Reads into the row; whether it ended, and how many bytes were taken.
    fn read(&mut self, bytes: &[u8], line: u32) -> Result<(bool, usize), TooLong> {
        match self.framing {
            Framing::Csv => self.read_csv(bytes, line),
            Framing::Lines => self.read_line(bytes, line),
        }
    }

    fn read_csv(&mut self, bytes: &[u8], line: u32) -> Result<(bool, usize), TooLong> {
        let (result, read, written, ended) =
            self.reader.read_record(bytes, &mut self.text[self.written..], &mut self.ends[self.ended..]);
        self.written += written;
        self.ended += ended;
        match result {
            ReadRecordResult::InputEmpty => Ok((false, read)),
            ReadRecordResult::OutputFull if self.text.len() < LARGEST_ROW => {
                self.text.resize((self.text.len() * 2).min(LARGEST_ROW), 0);
                Ok((false, read))
            }
            ReadRecordResult::OutputEndsFull if self.ends.len() < MOST_CELLS => {
                self.ends.resize(self.ends.len() * 2, 0);
                Ok((false, read))
            }
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => Err(TooLong { line }),
            ReadRecordResult::Record | ReadRecordResult::End => Ok((true, read)),
        }
    }

    fn read_line(&mut self, bytes: &[u8], line: u32) -> Result<(bool, usize), TooLong> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        if self.written + part.len() > LARGEST_ROW {
            return Err(TooLong { line });
        }
        self.text.truncate(self.written);
        self.text.extend_from_slice(part);
        self.written = self.text.len();
        let ended = end.is_some() || bytes.is_empty();
        if ended {
            self.ends[0] = self.written;
            self.ended = 1;
        }
        Ok((ended, part.len() + usize::from(end.is_some())))
    }

    /// Ends the row being read; whether anything stands in it.
    fn finish(&mut self) -> bool {
        self.begun = None;
        let empty = self.text[..self.written].iter().all(u8::is_ascii_whitespace);
        if empty {
            (self.written, self.ended) = (0, 0);
        }
        !empty
    }

    /// The row that has just ended. The next one begins with nothing.
    fn record(&mut self, start: u64, line: u32) -> Record<'_> {
        let (written, ended) = (std::mem::take(&mut self.written), std::mem::take(&mut self.ended));
        Record { start, end: self.at, line, text: &self.text[..written], ends: &self.ends[..ended] }
    }

    /// Counts bytes and lines. CR, LF and CRLF each end a line, as in any editor.
    fn pass(&mut self, bytes: &[u8]) {
        self.at += bytes.len() as u64;
        for byte in bytes {
            let ends = *byte == b'\r' || (*byte == b'\n' && !self.after_return);
            self.line += u32::from(ends);
            self.after_return = *byte == b'\r';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cut;
    use super::*;

    fn rows(framing: Framing, text: &[u8]) -> Vec<(u32, Vec<Vec<u8>>)> {
        cut(framing, text, 1).unwrap().into_iter().map(|row| (row.line, row.cells)).collect()
    }

    #[test]
    fn a_row_of_only_line_ends_and_separators_is_none() {
        let found = rows(Framing::Csv, b"\r\n\na,b\r\n,,\n  ,\n\"\"\nc\n");
        let cells = |cells: &[&str]| cells.iter().map(|cell| cell.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!(found, [(3, cells(&["a", "b"])), (7, cells(&["c"]))]);
    }

    #[test]
    fn lines_are_rows_where_the_framing_says_so() {
        let found = rows(Framing::Lines, b"{\"a\": \"x,\\\"y\"}\n\n{}");
        assert_eq!(found, [(1, vec![b"{\"a\": \"x,\\\"y\"}".to_vec()]), (3, vec![b"{}".to_vec()])]);
    }

    #[test]
    fn a_long_row_is_read_whole_and_one_too_long_is_refused_with_its_line() {
        let long = "x".repeat(LARGEST_ROW - 10);
        let found = rows(Framing::Csv, format!("a\n{long},b\n").as_bytes());
        assert_eq!(found[1].1[0].len(), long.len());
        let text = format!("a\n\"{}", "x".repeat(LARGEST_ROW + 1));
        assert_eq!(cut(Framing::Csv, text.as_bytes(), 10), Err(TooLong { line: 11 }));
        assert_eq!(cut(Framing::Lines, text.as_bytes(), 10), Err(TooLong { line: 11 }));
    }

    #[test]
    fn many_cells_fit_in_a_row() {
        let found = rows(Framing::Csv, "x,".repeat(500).as_bytes());
        assert_eq!(found[0].1.len(), 501);
    }
}
