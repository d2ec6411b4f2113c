//! Putting the directory right after a restore: spans of segments whose files are not there give way to others of the same
//! positions, and positions that were given once are taken as given.

use std::collections::BTreeSet;

use auditwire_model::{Position, ProjectId};

use super::{Head, Place, SealedSpan, Segment, Span, StoreError};

/// A change of the directory that moves no events. Spans that come cover exactly the positions of those that go, and may go on
/// behind the last position of a project, or begin its log; else the commit fails with [`StoreError::Mismatch`]. Segments that
/// no span names any more leave the directory, and their files stay where they are.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    /// Segments that come; their files are on disk, or they are gaps.
    pub segments: Vec<Segment>,
    /// Spans of segments that go: project and first position.
    pub gone: Vec<(ProjectId, Position)>,
    /// Spans that come, in segments that come or are there.
    pub spans: Vec<SealedSpan>,
}

impl Patch {
    /// The heads that it moves. `old` are the spans that go, `head` tells the heads as they are.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`] when it would leave a hole, cover a position twice, or take the place of fresh events.
    pub fn heads_after(
        &self,
        old: &[Span],
        head: impl Fn(&ProjectId) -> Option<Head>,
    ) -> Result<Vec<Head>, StoreError> {
        let new = || self.spans.iter().map(|sealed| &sealed.span);
        let projects: BTreeSet<&ProjectId> = old.iter().chain(new()).map(|span| &span.project).collect();
        let mut heads = Vec::new();
        for project in projects {
            let known = head(project);
            let last = known.as_ref().map_or(Position::ZERO, |head| head.last);
            let of = |span: &&Span| span.project == *project;
            let (inside, behind): (Vec<&Span>, Vec<&Span>) = new().filter(of).partition(|span| span.first <= last);
            let going: Vec<&Span> = old.iter().filter(of).collect();
            let wrong = || StoreError::Mismatch(format!("project {project}, behind seq {last} or in place of spans"));
            let sealed = going.iter().all(|span| matches!(span.place, Place::Segment(_)));
            let (inside, going) = (joined(inside), joined(going));
            if !sealed || inside.is_none() || inside != going {
                return Err(wrong());
            }
            match joined(behind).ok_or_else(wrong)?.as_slice() {
                [] => {}
                [(from, to)] if known.is_none() || *from == last.next() => {
                    let first = known.map_or(*from, |head| head.first);
                    heads.push(Head { project: project.clone(), first, last: *to });
                }
                _ => return Err(wrong()),
            }
        }
        Ok(heads)
    }
}

/// The ranges that spans cover together; `None` when two of them overlap.
fn joined(mut spans: Vec<&Span>) -> Option<Vec<(Position, Position)>> {
    spans.sort_by_key(|span| span.first);
    let mut ranges: Vec<(Position, Position)> = Vec::new();
    for span in spans {
        match ranges.last_mut() {
            Some((_, to)) if span.first <= *to => return None,
            Some((_, to)) if span.first == to.next() => *to = span.last(),
            _ => ranges.push((span.first, span.last())),
        }
    }
    Some(ranges)
}
