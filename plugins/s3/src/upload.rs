//! The ids of uploads in parts, which carry the condition of the start to the finish.

use siltstone_plugin_sdk::http::percent;
use siltstone_plugin_sdk::types::Precondition;

/// An upload of the service, and the condition that its object is made under.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The service's id.
    pub id: String,
    /// Checked at the finish.
    pub condition: Precondition,
}

impl Upload {
    /// The id that the host keeps.
    pub fn token(&self) -> String {
        let condition = match &self.condition {
            Precondition::None => "any".to_owned(),
            Precondition::IfAbsent => "absent".to_owned(),
            Precondition::IfMatch(etag) => format!("match-{}", percent::segment(etag)),
        };
        format!("{condition}:{}", self.id)
    }

    /// The upload of an id, unless it is none of ours.
    pub fn parse(token: &str) -> Option<Self> {
        let (condition, id) = token.split_once(':')?;
        let condition = match condition {
            "any" => Precondition::None,
            "absent" => Precondition::IfAbsent,
            other => {
                let etag = percent_encoding::percent_decode_str(other.strip_prefix("match-")?);
                Precondition::IfMatch(etag.decode_utf8().ok()?.into_owned())
            }
        };
        (!id.is_empty()).then(|| Self { id: id.to_owned(), condition })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_with_its_condition() {
        for condition in
            [Precondition::None, Precondition::IfAbsent, Precondition::IfMatch("\"a:b%\"".to_owned())]
        {
            let upload = Upload { id: "VXBsb2Fk:x".to_owned(), condition };
            let parsed = Upload::parse(&upload.token()).unwrap();
            assert_eq!(format!("{parsed:?}"), format!("{upload:?}"));
        }
        for bad in ["", "any", "any:", "other:x", ":x"] {
            assert!(Upload::parse(bad).is_none(), "{bad}");
        }
    }
}
