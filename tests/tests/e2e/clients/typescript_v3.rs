//! Version 3 of the client for TypeScript.

super::scenarios!(TypescriptV3: access errors options ordinary relations tour);
