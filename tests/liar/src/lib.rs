//! A working transport over a folder that tells exactly one kind of lie about one kind of object.
//!
//! It keeps objects as the filesystem transport does, in the folder of [`FOLDER`]. What [`LIE`] names it does to the objects that
//! [`OBJECT`] and [`NTH`] choose, whenever it can; without that setting it is honest. Every time that it lied it leaves a file
//! in the folder of [`NOTES`], so that a test knows whether the lie was ever told.

mod alter;
#[cfg(target_family = "wasm")]
mod component;
mod kind;
mod lie;
#[cfg(target_family = "wasm")]
mod list;
#[cfg(target_family = "wasm")]
mod notes;
#[cfg(target_family = "wasm")]
mod parts;
#[cfg(target_family = "wasm")]
mod read;
#[cfg(target_family = "wasm")]
mod write;

pub use kind::Kind;
pub use lie::Lie;

/// The name of the plugin.
pub const NAME: &str = "liar";
/// The setting of the folder that holds the objects.
pub const FOLDER: &str = "LIAR_FOLDER";
/// The setting of the folder for notes: [`STRIKE`] files come out, [`OLDER`] files go in.
pub const NOTES: &str = "LIAR_NOTES";
/// The setting that names the lie; honest without it.
pub const LIE: &str = "LIAR_LIE";
/// The setting that names the kind of object to lie about.
pub const OBJECT: &str = "LIAR_OBJECT";
/// The setting of a secret that must not be seen again.
pub const SECRET: &str = "LIAR_SECRET";
/// The setting that leaves all but one of them alone: of chunks the one with this number, of others what is written the n-th time.
pub const NTH: &str = "LIAR_NTH";
/// How the names of the files begin that stand for one lie each.
pub const STRIKE: &str = "strike-";
/// How the names of the files begin that hold an older version of an object; the name of its [`Kind`] follows.
pub const OLDER: &str = "older-";
