//! Reading rows: [`cutter`] (where each begins and ends), [`columns`] (what a file's header says of them), [`wanted`] (what
//! a row asks for).

mod columns;
mod cutter;
mod wanted;

pub use columns::Columns;
pub use cutter::{Cutter, Framing, Record, TooLong};
pub use wanted::{Recipient, Wanted};

/// A row with its cells, out of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line it begins on.
    pub line: u32,
    pub cells: Vec<Vec<u8>>,
}

/// All rows of a part of a file that begins on `first_line`.
pub fn cut(framing: Framing, bytes: &[u8], first_line: u32) -> Result<Vec<Row>, TooLong> {
    let mut cutter = Cutter::inside(framing, first_line);
    let mut rows = Vec::new();
    let owned = |record: &Record<'_>| Row { line: record.line, cells: record.cells().map(<[u8]>::to_vec).collect() };
    let mut rest = bytes;
    while !rest.is_empty() {
        let (record, taken) = cutter.next(rest)?;
        rows.extend(record.as_ref().map(owned));
        rest = &rest[taken..];
    }
    rows.extend(cutter.last()?.as_ref().map(owned));
    Ok(rows)
}
