//! What QRadar needs to know of every event that the catalogue knows: a table from which its QIDs and their mappings are made
//! (`contrib/siem/qradar/qid-map.csv`). The columns are named as the two calls of its API name them:
//! `POST /data_classification/qid_records` and `POST /data_classification/dsm_event_mappings`.

use std::collections::BTreeSet;

use super::{entries, named, title};

const COLUMNS: &str = "log_source_event_id,log_source_event_category,name,description,severity,low_level_category_id\n";

/// Low-level categories of QRadar (IBM, "Event categories").
const LOGIN_SUCCEEDED: u16 = 3004;
const LOGIN_FAILED: u16 = 3005;
const GENERAL_AUDIT: u16 = 19001;

/// The table, one line per EventID and `cat` of the second mapping with `leef_cat` at `outcome`. A line whose `cat` has no
/// outcome is for events that tell none, and for connections with `leef_cat` at `source`.
#[must_use]
pub fn qid_map() -> String {
    let mut deeds = BTreeSet::new();
    for entry in entries() {
        let named = named(entry.action, Some(entry.source), entry.method());
        deeds.insert((entry.source, named.id, named.title));
        // A source that does not tell the method.
        if named.id != entry.action {
            deeds.insert((entry.source, entry.action, title(entry.action).unwrap_or(entry.action)));
        }
    }
    let mut table = COLUMNS.to_owned();
    for (source, id, title) in deeds {
        let login = id == "user-signin";
        for (outcome, word, severity, category) in [
            ("", "", 3, GENERAL_AUDIT),
            (".success", ": success", 1, if login { LOGIN_SUCCEEDED } else { GENERAL_AUDIT }),
            (".failure", ": failure", 5, if login { LOGIN_FAILED } else { GENERAL_AUDIT }),
        ] {
            let cells = [id, &format!("{source}{outcome}"), &format!("{title}{word}"), &format!("{title} ({source})")];
            let cells = cells.map(cell).join(",");
            table.push_str(&format!("{cells},{severity},{category}\n"));
        }
    }
    table
}

/// A cell of CSV (RFC 4180).
fn cell(text: &str) -> String {
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Renewed by `cargo run -p auditwire-model --example qid_map > contrib/siem/qradar/qid-map.csv`.
    #[test]
    fn the_file_is_up_to_date() {
        assert!(
            qid_map() == include_str!("../../../../contrib/siem/qradar/qid-map.csv"),
            "renew the file as written above"
        );
    }

    #[test]
    fn every_id_and_category_has_one_name() {
        let table = qid_map();
        // Ids and categories need no quotes; names may.
        let keys: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.splitn(3, ',').take(2).collect()).collect();
        assert!(keys.iter().flatten().all(|cell| !cell.contains('"') && cell.chars().count() <= 255));
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        let line =
            "DELETE /v2/shares/{share_id},manila.failure,Share deleted: failure,Share deleted (manila),5,19001\n";
        assert!(table.contains(line));
        assert!(table.contains("user-signin,iam.failure,User sign-in: failure,User sign-in (iam),5,3005\n"));
    }
}
