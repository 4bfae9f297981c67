//! Version 3 of the client for Python.

super::scenarios!(PythonV3: access errors queries tour);
