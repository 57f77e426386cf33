//! What the reading of a name server's reply promises, whatever the server sends. For fuzzing.

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};

use super::reading::{Asked, Glue, MOST_ADDRESSES, MOST_NAMES, Reading, read};

const TYPES: [RecordType; 4] = [RecordType::A, RecordType::AAAA, RecordType::NS, RecordType::SOA];

/// Reads a reply as one to every question about `name` that a walk may ask, of a server of any zone above it,
/// and says which promise is broken.
pub(crate) fn keeps_bounds(message: &Message, name: &Name) -> Result<(), String> {
    for labels in 0..=name.num_labels() {
        let zone = name.trim_to(usize::from(labels));
        for (record_type, assisted) in TYPES.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
            let asked = Asked { name, record_type, zone: &zone, assisted };
            check(&read(message, &asked), &asked, message.metadata.authoritative)?;
        }
    }
    Ok(())
}

fn check(reading: &Reading, asked: &Asked<'_>, authoritative: bool) -> Result<(), String> {
    match reading {
        Reading::Answer { data, glue, .. } => {
            if !authoritative && !asked.assisted {
                return Err("an answer without authority was believed".to_owned());
            }
            if data.is_empty() || data.iter().any(|data| data.record_type() != asked.record_type) {
                return Err(format!("an answer of another type: {data:?}"));
            }
            glue_keeps_bounds(glue, asked.name)
        }
        Reading::Referral { cut, names, glue } => {
            if !asked.zone.zone_of(cut) || cut == asked.zone || !cut.zone_of(asked.name) {
                return Err(format!("a referral from {} to {cut}", asked.zone));
            }
            if names.len() > MOST_NAMES || glue.keys().any(|name| !names.contains(name)) {
                return Err(format!("{} name servers, with {} in the glue", names.len(), glue.len()));
            }
            glue_keeps_bounds(glue, cut)
        }
        Reading::Nothing { apex: Some(apex), .. } if !apex.zone_of(asked.name) => {
            Err(format!("absence was told by {apex}"))
        }
        Reading::Nothing { .. } | Reading::Alias(_) => Ok(()),
        Reading::Lame(why) if why.to_string().chars().any(char::is_control) => {
            Err(format!("a text that does not belong on a terminal: {why:?}"))
        }
        Reading::Lame(_) => Ok(()),
    }
}

fn glue_keeps_bounds(glue: &Glue, cut: &Name) -> Result<(), String> {
    for (name, addresses) in glue {
        if !cut.zone_of(name) || addresses.len() > MOST_ADDRESSES {
            return Err(format!("{} addresses of {name} beside {cut}", addresses.len()));
        }
        let nowhere = |address: &std::net::IpAddr| address.is_unspecified() || address.is_multicast();
        if addresses.iter().any(nowhere) {
            return Err(format!("{name} at {addresses:?}"));
        }
    }
    Ok(())
}
