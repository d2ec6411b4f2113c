//! Which field a key means.

/// A field of our shape that is read by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Slot {
    EventId,
    Seq,
    Timestamp,
    ReceivedAt,
    Plane,
    Action,
    Severity,
    Message,
    SourceId,
    SourceAddress,
    SubjectUserId,
    SubjectAddress,
    SubjectProjectId,
    SubjectMetadata,
    ResourceId,
    ResourceType,
    ResourceMetadata,
    StatusCode,
    StatusMessage,
    Outcome,
    RequestId,
    Labels,
    Source,
    Subject,
    Resource,
    Status,
}

/// The objects of the nested form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Source,
    Subject,
    Resource,
    Status,
}

/// The two metadata fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Subject,
    Resource,
}

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'k> {
    /// A field.
    Slot(Slot),
    /// One metadata key, written flat: `subject.metadata.email`.
    Metadata(Side, &'k str),
    /// None of ours: kept as `resource.metadata.x_<path>`.
    Unknown(Option<Group>, &'k str),
}

impl Slot {
    /// One bit per field, to see one that is given twice.
    pub(super) fn bit(self) -> u32 {
        1 << (self as u8)
    }

    /// Its dotted path, as answers and rejections name it.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::EventId => "event_id",
            Self::Seq => "seq",
            Self::Timestamp => "timestamp",
            Self::ReceivedAt => "received_at",
            Self::Plane => "plane",
            Self::Action => "action",
            Self::Severity => "severity",
            Self::Message => "message",
            Self::SourceId => "source.id",
            Self::SourceAddress => "source.address",
            Self::SubjectUserId => "subject.user_id",
            Self::SubjectAddress => "subject.address",
            Self::SubjectProjectId => "subject.project_id",
            Self::SubjectMetadata => "subject.metadata",
            Self::ResourceId => "resource.id",
            Self::ResourceType => "resource.type",
            Self::ResourceMetadata => "resource.metadata",
            Self::StatusCode => "status.code",
            Self::StatusMessage => "status.message",
            Self::Outcome => "outcome",
            Self::RequestId => "request_id",
            Self::Labels => "labels",
            Self::Source => "source",
            Self::Subject => "subject",
            Self::Resource => "resource",
            Self::Status => "status",
        }
    }
}

impl Group {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Subject => "subject",
            Self::Resource => "resource",
            Self::Status => "status",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        match name {
            "source" => Some(Self::Source),
            "subject" => Some(Self::Subject),
            "resource" => Some(Self::Resource),
            "status" => Some(Self::Status),
            _ => None,
        }
    }
}

impl Side {
    pub(super) fn slot(self) -> Slot {
        match self {
            Self::Subject => Slot::SubjectMetadata,
            Self::Resource => Slot::ResourceMetadata,
        }
    }
}

/// What `key` means at the top of an item.
pub(super) fn at_top(key: &str) -> Target<'_> {
    let slot = match key {
        "event_id" => Slot::EventId,
        "seq" => Slot::Seq,
        "timestamp" => Slot::Timestamp,
        "received_at" => Slot::ReceivedAt,
        "plane" => Slot::Plane,
        "action" => Slot::Action,
        "severity" => Slot::Severity,
        "message" => Slot::Message,
        "source" => Slot::Source,
        "subject" => Slot::Subject,
        "resource" => Slot::Resource,
        "status" => Slot::Status,
        "outcome" => Slot::Outcome,
        "request_id" => Slot::RequestId,
        "labels" => Slot::Labels,
        _ => {
            let dotted = key.split_once('.').and_then(|(group, rest)| Some((Group::parse(group)?, rest)));
            return dotted.map_or(Target::Unknown(None, key), |(group, rest)| in_group(group, rest));
        }
    };
    Target::Slot(slot)
}

/// What `key` means inside one of the objects; also what follows `source.` and so on at the top.
pub(super) fn in_group(group: Group, key: &str) -> Target<'_> {
    let slot = match (group, key) {
        (Group::Source, "id") => Slot::SourceId,
        (Group::Source, "address") => Slot::SourceAddress,
        (Group::Subject, "user_id") => Slot::SubjectUserId,
        (Group::Subject, "address") => Slot::SubjectAddress,
        (Group::Subject, "project_id") => Slot::SubjectProjectId,
        (Group::Subject, "metadata") => Slot::SubjectMetadata,
        (Group::Resource, "id") => Slot::ResourceId,
        (Group::Resource, "type") => Slot::ResourceType,
        (Group::Resource, "metadata") => Slot::ResourceMetadata,
        (Group::Status, "code") => Slot::StatusCode,
        (Group::Status, "message") => Slot::StatusMessage,
        _ => {
            let side = match group {
                Group::Subject => Some(Side::Subject),
                Group::Resource => Some(Side::Resource),
                Group::Source | Group::Status => None,
            };
            return match (side, key.strip_prefix("metadata.")) {
                (Some(side), Some(key)) => Target::Metadata(side, key),
                _ => Target::Unknown(Some(group), key),
            };
        }
    };
    Target::Slot(slot)
}
