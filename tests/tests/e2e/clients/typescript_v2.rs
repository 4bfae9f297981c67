//! Version 2 of the client for TypeScript.

super::scenarios!(TypescriptV2: access errors queries tour);
