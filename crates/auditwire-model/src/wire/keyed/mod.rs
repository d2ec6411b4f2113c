//! What CEF and LEEF have in common: a header of fields between pipes, then `key=value` pairs. A message is written
//! whole first; if it is too long, a plan says what each field must give, and it is written again by that plan.

mod fit;
mod second;
mod writer;

use super::render::{Rendered, Unrenderable};
pub(super) use fit::Giving;
use fit::{plan, plan_without_repeating};
use writer::Plan;
pub(super) use writer::{Dialect, Key, Slot, Writer};

/// A format of this kind.
pub(super) struct Keyed {
    /// How it writes texts.
    pub(super) dialect: Dialect,
    /// What gives first when a message is too long.
    pub(super) giving: Giving,
    /// The pair that says that values were cut or left out, with what separates it from the pair before it.
    pub(super) truncated: &'static str,
}

impl Keyed {
    /// Appends the fullest message of at most `limit` bytes. `write` writes one, with room for each field as its writer
    /// says, and may be called again.
    ///
    /// # Errors
    /// [`Unrenderable`] when even what always stays is too long.
    pub(super) fn render(
        &'static self,
        limit: usize,
        out: &mut Vec<u8>,
        write: impl Fn(&mut Writer<'_, '_>),
    ) -> Result<Rendered, Unrenderable> {
        let start = out.len();
        let mut writer = Writer::new(out, &self.dialect, &Plan::WHOLE);
        write(&mut writer);
        let Writer { sizes, cut, flagged, .. } = writer;
        if out.len() - start <= limit {
            return Ok(Rendered { truncated: cut });
        }
        let over = out.len() - start - limit;
        if let Some(plan) = plan_without_repeating(&self.giving, &sizes, over) {
            out.truncate(start);
            let mut writer = Writer::new(out, &self.dialect, &plan);
            write(&mut writer);
            return Ok(Rendered { truncated: writer.cut });
        }
        let flag = if flagged { 0 } else { self.truncated.len() };
        let over = over + flag;
        out.truncate(start);
        let plan = plan(&self.giving, &sizes, over)
            .map_err(|still| Unrenderable::TooLarge { needed: limit + still, limit })?;
        write(&mut Writer::new(out, &self.dialect, &plan));
        Ok(Rendered { truncated: true })
    }
}
