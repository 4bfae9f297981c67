//! What the end-to-end suites and the binaries beside them share.

pub mod certify;
pub mod clients;
pub mod corrupt;
pub mod crash;
pub mod disk_full;
pub mod driver;
pub mod fault_proxy;
pub mod folder_db;
pub mod gate;
mod install;
pub mod load;
pub mod node;
pub mod ops_house;
pub mod python;
pub mod servers;
pub mod vendors;
