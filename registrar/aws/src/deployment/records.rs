//! Whose members a record set publishes, by the marks that the registrar writes.

use registrar_core::ids::InstanceId;
use registrar_core::owner::{MemberText, Owner, OwnerMark, Role};
use registrar_core::record_set::RecordSet;

/// Returns the members that a record set stands for, each with its owner: by its set identifier, or, for the
/// owner texts of a simple pool, by its values.
pub(super) fn members_of(record: &RecordSet) -> impl Iterator<Item = (Owner, InstanceId)> {
    let mark = record.set_identifier.as_deref().and_then(|mark| mark.parse::<OwnerMark>().ok());
    let marked = mark.and_then(|mark| match mark.role {
        Role::Member(id) => Some((mark.owner, id)),
        Role::Fallback | Role::Leaf(_) => None,
    });
    let texts = record.values().filter_map(|value| value.parse::<MemberText>().ok());
    marked.into_iter().chain(texts.map(|text| (text.owner, text.instance)))
}
