//! The bodies of create and restore: decoded, held to the schema, and turned into requests of the host.

use std::collections::BTreeMap;

use super::error::{Failure, Missing, Rule};
use super::fields::{Fields, one_of};
use crate::error::Error;
use crate::model::{BackupId, Compression, Location, Selection};
use crate::ops::{BackupRequest, CPU_PERCENTAGES, DEFAULT_CPU_PERCENTAGE, RestoreRequest};
use crate::settings::HostSettings;
use crate::source::{AliasPolicy, ExtrasChoice};

/// Body of `POST /v1/backups/{backend}`.
#[derive(Debug)]
pub(super) struct CreateBody {
    id: String,
    include: Vec<String>,
    exclude: Vec<String>,
    include_users: Vec<String>,
    include_roles: Vec<String>,
    base: String,
    cpu_percentage: u8,
    chunk_size: i64,
    compression: Compression,
    location: Location,
}

impl CreateBody {
    /// Decodes a body and holds it to the schema. Types come before values, as in the original.
    pub(super) fn decode(body: &[u8]) -> Result<Self, Failure> {
        let mut fields = Fields::parse(body)?;
        let mut config = fields.section("config", "config.")?;
        let cpu_percentage = config.integer("CPUPercentage")?;
        let level = config.text("CompressionLevel")?;
        let body = Self {
            id: fields.text("id")?,
            include: fields.texts("include")?,
            exclude: fields.texts("exclude")?,
            include_users: fields.texts("includeUsers")?,
            include_roles: fields.texts("includeRoles")?,
            base: fields.text("incremental_base_backup_id")?,
            cpu_percentage: DEFAULT_CPU_PERCENTAGE,
            chunk_size: config.integer("ChunkSize")?,
            compression: Compression::default(),
            location: place(&mut config)?,
        };
        let cpu_percentage = percentage(cpu_percentage)?;
        let names: Vec<&str> = Compression::names().collect();
        one_of("config.CompressionLevel", "body", &level, &names)?;
        let compression = Compression::from_name(&level).unwrap_or_default();
        Ok(Self { cpu_percentage, compression, ..body })
    }

    /// The request, with the checks that follow the one of the backend, in their order.
    pub(super) fn into_request(self, backend: &str) -> Result<BackupRequest, Failure> {
        let refuse = |e: Error| Failure::of(&e, Missing::Unprocessable);
        let id = BackupId::new(self.id).map_err(refuse)?;
        let base = match self.base {
            base if base.is_empty() => None,
            base => Some(String::from(BackupId::new(base).map_err(refuse)?)),
        };
        if base.as_deref() == Some(id.as_str()) {
            return Err(Failure::refused(format!("backup `{id}` cannot be its own incremental base")));
        }
        let selection = Selection::from_lists(self.include, self.exclude).map_err(refuse)?;
        Ok(BackupRequest {
            selection,
            compression: self.compression,
            cpu_percentage: self.cpu_percentage,
            chunk_size: chunk_size(self.chunk_size)?,
            location: self.location,
            base,
            extras: ExtrasChoice { users: self.include_users, roles: self.include_roles },
            ..BackupRequest::new(backend, String::from(id))
        })
    }
}

/// Body of `POST /v1/backups/{backend}/{id}/restore`.
#[derive(Debug)]
pub(super) struct RestoreBody {
    include: Vec<String>,
    exclude: Vec<String>,
    node_mapping: BTreeMap<String, String>,
    aliases: AliasPolicy,
    cpu_percentage: u8,
    extras: Vec<String>,
    location: Location,
}

impl RestoreBody {
    /// Decodes a body and holds it to the schema.
    pub(super) fn decode(body: &[u8]) -> Result<Self, Failure> {
        let mut fields = Fields::parse(body)?;
        let mut config = fields.section("config", "config.")?;
        let cpu_percentage = config.integer("CPUPercentage")?;
        let roles = config.text("rolesOptions")?;
        let users = config.text("usersOptions")?;
        let body = Self {
            include: fields.texts("include")?,
            exclude: fields.texts("exclude")?,
            node_mapping: fields.mapping("node_mapping")?,
            aliases: if fields.flag("overwriteAlias")? { AliasPolicy::Overwrite } else { AliasPolicy::Keep },
            cpu_percentage: DEFAULT_CPU_PERCENTAGE,
            extras: Vec::new(),
            location: place(&mut config)?,
        };
        let cpu_percentage = percentage(cpu_percentage)?;
        let mut extras = Vec::new();
        for (field, value, name) in [("rolesOptions", roles, "roles"), ("usersOptions", users, "users")] {
            one_of(&format!("config.{field}"), "body", &value, &["noRestore", "all"])?;
            if value == "all" {
                extras.push(name.to_owned());
            }
        }
        Ok(Self { cpu_percentage, extras, ..body })
    }

    /// The request.
    pub(super) fn into_request(self, backend: &str, id: &str) -> Result<RestoreRequest, Failure> {
        let selection = Selection::from_lists(self.include, self.exclude)
            .map_err(|e| Failure::of(&e, Missing::Unprocessable))?;
        Ok(RestoreRequest {
            selection,
            cpu_percentage: self.cpu_percentage,
            location: self.location,
            node_mapping: self.node_mapping,
            aliases: self.aliases,
            extras: self.extras,
            ..RestoreRequest::new(backend, id)
        })
    }
}

/// `Bucket` and `Path`; `Endpoint` is part of the schema and, as in the original, never read.
fn place(config: &mut Fields) -> Result<Location, Failure> {
    let some = |text: String| Some(text).filter(|t| !t.is_empty());
    Ok(Location { bucket: some(config.text("Bucket")?), path: some(config.text("Path")?) })
}

/// `CPUPercentage`; 0 counts as not given.
fn percentage(value: i64) -> Result<u8, Failure> {
    let (least, most) = (*CPU_PERCENTAGES.start(), *CPU_PERCENTAGES.end());
    let what = "config.CPUPercentage in body should be";
    match value {
        0 => Ok(DEFAULT_CPU_PERCENTAGE),
        low if low < i64::from(least) => {
            Err(Failure::rule(Rule::Minimum, format!("{what} greater than or equal to {least}")))
        }
        value => u8::try_from(value)
            .ok()
            .filter(|v| *v <= most)
            .ok_or_else(|| Failure::rule(Rule::Maximum, format!("{what} less than or equal to {most}"))),
    }
}

/// `ChunkSize`, in MiB on the wire; 0 counts as not given.
fn chunk_size(value: i64) -> Result<Option<u64>, Failure> {
    const MIB: u64 = 1 << 20;
    if value == 0 {
        return Ok(None);
    }
    let bytes = u64::try_from(value).ok().and_then(|v| v.checked_mul(MIB));
    match bytes.filter(|b| HostSettings::CHUNK_SIZES.contains(b)) {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(Failure::refused(format!(
            "invalid ChunkSize {value}: use {} to {} (MiB), or 0 for the default",
            HostSettings::CHUNK_SIZES.start() / MIB,
            HostSettings::CHUNK_SIZES.end() / MIB
        ))),
    }
}
