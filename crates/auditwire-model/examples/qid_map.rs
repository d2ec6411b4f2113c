//! Prints the table of QRadar's event ids that `contrib/siem/qradar/qid-map.csv` holds.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(auditwire_model::catalogue::qid_map().as_bytes())
}
