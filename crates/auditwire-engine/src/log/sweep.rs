//! Sweeping: files that no row names go. They are left by a crash between a file and its commit, by merges and by
//! retention; nobody begins to read them, and those who have begun get some time.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::ObjectStoreExt as _;

use super::error;
use super::upkeep::Keeper;
use crate::error::Result;

impl Keeper {
    /// Files have lost their rows.
    pub(super) fn look_for_orphans(&mut self) {
        self.listed = false;
    }

    /// Removes orphans whose time is over. Looks for new ones after a start, and when told so.
    pub(super) async fn sweep(&mut self) -> Result<()> {
        let now = self.shared.clock.now();
        if !self.listed {
            let at_start = self.orphans.is_none();
            let found = self.orphans_now().await?;
            let known = self.orphans.take().unwrap_or_default();
            // After a start nobody reads what no row names.
            let grace = if at_start { Duration::ZERO } else { self.shared.settings.seal.grace };
            let grace = i64::try_from(grace.as_nanos()).unwrap_or(i64::MAX);
            let since = |name: &String| known.get(name).copied().unwrap_or_else(|| now.saturating_add_nanos(grace));
            self.orphans =
                Some(found.into_iter().map(|name| (since(&name), name)).map(|(at, name)| (name, at)).collect());
            self.listed = true;
        }
        let due: Vec<String> =
            self.orphans.iter().flatten().filter(|(_, at)| **at <= now).map(|(name, _)| name.clone()).collect();
        for name in due {
            match self.shared.objects.delete(&name.as_str().into()).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(source) => return Err(error::segment_not_removed(&name, source)),
            }
            self.orphans.get_or_insert_with(HashMap::new).remove(&name);
        }
        Ok(())
    }

    /// Files with a segment's name that no row names. Others are not ours.
    async fn orphans_now(&self) -> Result<Vec<String>> {
        // Files first: one whose commit comes between the two looks must not count as an orphan.
        let listed: Vec<_> = self.shared.objects.list(None).try_collect().await.map_err(error::segments_not_listed)?;
        let known = self.shared.store.segments().await.map_err(error::read)?;
        let known: HashSet<&str> = known.iter().map(|(segment, _)| segment.name.as_str()).collect();
        let names = listed.into_iter().map(|object| object.location.to_string());
        Ok(names.filter(|name| is_segment(name) && !known.contains(name.as_str())).collect())
    }
}

/// `<10 digits>-<8 hex digits>.parquet`.
fn is_segment(name: &str) -> bool {
    let Some((id, random)) = name.strip_suffix(".parquet").and_then(|stem| stem.split_once('-')) else { return false };
    id.len() >= 10
        && id.bytes().all(|b| b.is_ascii_digit())
        && random.len() == 8
        && random.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_a_segments_name_are_ours() {
        assert!(is_segment("0000000001-00c0ffee.parquet"));
        for other in
            ["notes.txt", "0000000001-00c0ffee.parquet.bak", "1-00c0ffee.parquet", "0000000001-00C0FFEE.parquet"]
        {
            assert!(!is_segment(other), "{other}");
        }
    }
}
