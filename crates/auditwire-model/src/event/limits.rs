//! What one event may weigh. Configuration; the defaults are the product's.

/// Limits on one event. Over any of them the item is refused with a code and the rest of its batch is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimits {
    /// The item's JSON text, in bytes.
    pub event_bytes_max: usize,
    /// Keys of subject and resource metadata together, after flattening.
    pub metadata_keys_max: usize,
    /// Nesting of objects and arrays in the item.
    pub json_depth_max: usize,
    /// `event_id`, in bytes.
    pub event_id_bytes_max: usize,
    /// Labels.
    pub labels_max: usize,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self {
            event_bytes_max: 256 * 1024,
            metadata_keys_max: 256,
            json_depth_max: 32,
            event_id_bytes_max: 128,
            labels_max: 256,
        }
    }
}
