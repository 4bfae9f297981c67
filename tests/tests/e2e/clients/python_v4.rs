//! Version 4 of the client for Python.

super::scenarios!(PythonV4: access asynchronous cancel errors one_collection options ordinary relations tenants tour values);
